delete from v_voice_transfer_destinations
where transfer_destination_uuid = $1 and ($2::uuid is null or domain_uuid = $2)
returning domain_uuid;
