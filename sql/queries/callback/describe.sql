-- What a second request says anew of a promise; '' and null leave what is there.
update callbacks
set contact_name = coalesce(nullif($2, ''), contact_name), reason = coalesce(nullif($3, ''), reason),
    summary = coalesce(nullif($4, ''), summary), transcript = coalesce($5, transcript),
    notify_via_whatsapp = $6, voice_call_uuid = coalesce(nullif($7, ''), voice_call_uuid),
    voice_call_date = coalesce($8, voice_call_date), transfer_id = coalesce($9, transfer_id),
    voice_call_recorded = voice_call_recorded or $10
where id = $1
