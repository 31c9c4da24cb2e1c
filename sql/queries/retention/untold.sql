-- Messages that nobody is there to be told of: no ticketing backend is configured.
delete from outbox where id in (
    select id from outbox
    where state <> 'delivered' and created_at < now() - make_interval(secs => $1)
    order by id limit $2
    for update skip locked
)
