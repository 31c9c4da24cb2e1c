-- one default for each domain and secretary: the newest
update v_voice_transfer_destinations set is_default = false
where domain_uuid = $1 and secretary_uuid is not distinct from $2 and transfer_destination_uuid is distinct from $3 and is_default;
