-- Messages that were delivered long ago. What waits or is held stays.
delete from outbox where id in (
    select id from outbox
    where state = 'delivered' and delivered_at < now() - make_interval(secs => $1)
    order by delivered_at limit $2
    for update skip locked
)
