-- What the table has decided, as a whole, and the journal's next line.
with line as (
    insert into callback_journal (callback_id, seq, at, fact, detail, status)
    values ($1, $2, $3, $4, $5, $6)
)
update callbacks
set seq = $2, status = $6, expires_at = $7, not_before = $8, look_at = $9, extension = $10, intended_for = $11,
    department = $12, scheduled_at = $13, assigned_at = $14, attempts = $15, misses = $16, last_attempt_at = $17,
    attempt_id = $18, notification_count = $19, last_notified_at = $20, whatsapp_sent_at = $21,
    cancel_wanted = $22, completed_at = $23, closed_at = $24, voice_call_duration = $25,
    recording_path = $26, department_key = $27, taken_from = $28
where id = $1
