-- Transfers that ended long ago, with their journals; not before every result of the call is delivered.
delete from transfers where id in (
    select id from transfers t
    where ended_at < now() - make_interval(secs => $1)
      and not exists (select from outbox where stream = 'call:' || t.call_uuid and state <> 'delivered')
    order by ended_at limit $2
    for update skip locked
)
