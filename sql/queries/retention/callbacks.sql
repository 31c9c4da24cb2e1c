-- Callbacks that were closed long ago, with their journals and attempts; not before everything is told.
delete from callbacks where id in (
    select id from callbacks c
    where closed_at < now() - make_interval(secs => $1)
      and not exists (select from outbox where stream = 'callback:' || c.id and state <> 'delivered')
      and not exists (select from callback_attempts where callback_id = c.id and not settled)
    order by closed_at limit $2
    for update skip locked
)
