insert into callbacks (
    id, pbx, company_id, domain_uuid, secretary_uuid, ticket_id, story_id, transfer_id, number, contact_name,
    extension, intended_for, department, reason, summary, transcript, status, created_at, scheduled_at,
    expires_at, not_before, look_at, notify_via_whatsapp, voice_call_uuid, voice_call_date, department_key,
    voice_call_recorded
) values (
    $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23,
    $24, $25, $26, $27
)
