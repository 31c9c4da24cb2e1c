-- Seconds until the next message is due; none where none waits. Only the first open one of a stream counts: those
-- behind it wait for it.
select extract(epoch from next_at - now())::float8
from outbox o
where state = 'pending'
  and not exists (select 1 from outbox e where e.stream = o.stream and e.id < o.id and e.state <> 'delivered')
order by next_at
limit 1
