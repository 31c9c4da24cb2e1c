-- A message has failed for now: it is tried again after $2 seconds. What waits behind it waits as long, and is not
-- looked at meanwhile, however much it is.
with tried as (
    update outbox set tries = tries + 1, next_at = now() + make_interval(secs => $2), last_status = $3, last_error = $4
    where id = $1 returning stream, next_at
)
update outbox behind set next_at = tried.next_at from tried
where behind.stream = tried.stream and behind.id > $1 and behind.state = 'pending' and behind.next_at < tried.next_at
