-- what callers of a domain and a secretary can be transferred to
select * from v_voice_transfer_destinations
where domain_uuid = $1 and (secretary_uuid is null or secretary_uuid = $2) and coalesce(is_enabled, true)
order by priority, name, transfer_destination_uuid
limit 5000;
