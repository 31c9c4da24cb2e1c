update v_voice_transfer_destinations set
    domain_uuid = $1, secretary_uuid = $2, name = $3, aliases = $4, destination_type = $5, destination_number = $6,
    destination_context = $7, gateway = $8, ring_timeout_seconds = $9, max_retries = $10, retry_delay_seconds = $11,
    fallback_action = $12, fallback_destination_uuid = $13, department = $14, role = $15, description = $16,
    working_hours = $17, priority = $18, is_default = $19, is_enabled = $20, screening = $21, announce = $22,
    updated_at = now()
where transfer_destination_uuid = $23 and ($24::uuid is null or domain_uuid = $24)
returning *;
