-- The next message that is due: the first open one of its stream, locked for us alone.
select id, stream, idempotency_key, path, payload, tries,
       extract(epoch from now() - trying_since)::float8 as tried_for
from outbox o
where state = 'pending' and next_at <= now()
  and not exists (select 1 from outbox e where e.stream = o.stream and e.id < o.id and e.state <> 'delivered')
order by next_at
limit 1
for update skip locked
