-- Requests of one daemon to another, which nobody waits for after seconds.
delete from requests where id in (
    select id from requests where asked_at < now() - make_interval(secs => $1)
    order by asked_at limit $2
    for update skip locked
)
