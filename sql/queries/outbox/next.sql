-- The next message that is due: the first open one of its stream, locked for us alone. What is told of a
-- callback names its ticket as soon as there is one: the message that makes it goes before.
select id, stream, idempotency_key, path, tries,
       case when callback_id is null then payload else payload || jsonb_build_object(
           'ticketId', coalesce(nullif((select ticket_id from callbacks c where c.id = o.callback_id), ''),
                                payload ->> 'ticketId')
       ) end as payload,
       extract(epoch from now() - trying_since)::float8 as tried_for
from outbox o
where state = 'pending' and next_at <= now()
  and not exists (select 1 from outbox e where e.stream = o.stream and e.id < o.id and e.state <> 'delivered')
order by next_at
limit 1
for update skip locked
