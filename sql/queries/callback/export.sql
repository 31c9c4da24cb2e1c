-- Newest first, from the one after the last that was read. Every filter may be null.
select id, ticket_id, status, number, contact_name, extension, intended_for, department, reason, created_at,
       scheduled_at, last_attempt_at, completed_at, attempts, notification_count, voice_call_duration, story_id
from callbacks
where ($1::uuid is null or domain_uuid = $1)
  and ($2::text is null or status = $2)
  and ($3::text is null or extension = $3 or intended_for = $3)
  and ($4::text is null or department_key = $4)
  and ($5::timestamptz is null or created_at >= $5)
  and ($6::timestamptz is null or created_at < $6)
  and ($7::timestamptz is null or (created_at, id) < ($7, $8::uuid))
order by created_at desc, id desc
limit $9
