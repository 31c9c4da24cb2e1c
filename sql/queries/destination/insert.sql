insert into v_voice_transfer_destinations (
    domain_uuid, secretary_uuid, name, aliases, destination_type, destination_number, destination_context, gateway,
    ring_timeout_seconds, max_retries, retry_delay_seconds, fallback_action, fallback_destination_uuid, department,
    role, description, working_hours, priority, is_default, is_enabled, screening, announce
) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22)
returning *;
