select transfer_enabled, transfer_default_timeout, transfer_announce_enabled from v_voice_secretaries
where voice_secretary_uuid = $1 and domain_uuid = $2;
