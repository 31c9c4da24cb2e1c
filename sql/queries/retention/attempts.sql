-- Calls that belong to no callback and ended long ago; not before their results are delivered.
delete from callback_attempts where id in (
    select id from callback_attempts a
    where callback_id is null and settled and ended_at < now() - make_interval(secs => $1)
      and not exists (
          select from outbox
          where stream = 'ticket:' || coalesce(nullif(a.ticket_id, ''), a.id::text) and state <> 'delivered'
      )
    order by ended_at limit $2
    for update skip locked
)
