select *, count(*) over () as total from v_voice_transfer_destinations
where ($1::uuid is null or domain_uuid = $1) and ($2::uuid is null or secretary_uuid = $2)
order by priority, name, transfer_destination_uuid
limit $3 offset $4;
