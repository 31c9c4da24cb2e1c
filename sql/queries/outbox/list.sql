select id, stream, idempotency_key, path, payload, state, tries, created_at, next_at, delivered_at,
       last_status, last_error, count(*) over () as total
from outbox
where ($1::text is null or state = $1)
order by id desc
limit $2 offset $3
