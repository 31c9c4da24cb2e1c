-- The oldest request that somebody still waits for.
update requests set taken_by = $2
where id = (
    select id from requests
    where pbx = $1 and taken_by is null and asked_at > now() - make_interval(secs => $3)
    order by asked_at limit 1
    for update skip locked
)
returning id, kind, body
