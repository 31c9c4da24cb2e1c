-- who works in a department of a domain, with whichever secretary
select * from v_voice_transfer_destinations
where domain_uuid = $1 and department <> '' and coalesce(is_enabled, true)
order by priority, name, transfer_destination_uuid
limit 5000;
