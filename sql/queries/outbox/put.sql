-- One message; the same key twice is one message.
insert into outbox (stream, idempotency_key, path, payload, callback_id) values ($1, $2, $3, $4, $5)
on conflict (idempotency_key) do nothing
