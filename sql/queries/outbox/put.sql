-- One message; the same key twice is one message. A result of a callback goes to each of its other tickets too.
insert into outbox (stream, idempotency_key, path, payload, callback_id)
select $1, $2, $3, $4::jsonb, $5::uuid
union all
select 'ticket:' || ticket, $2 || ':' || md5(ticket), $3, $4::jsonb || jsonb_build_object('ticketId', ticket), null
from callbacks, unnest(other_tickets) ticket
where id = $5 and $3 = '/api/voice/callback/result'
on conflict (idempotency_key) do nothing
