-- A message waits for a person. What waits behind it is not looked at meanwhile.
with held as (
    update outbox set state = 'held', tries = tries + 1, last_status = $2, last_error = $3 where id = $1 returning stream
)
update outbox behind set next_at = now() + interval '1 day' from held
where behind.stream = held.stream and behind.id > $1 and behind.state = 'pending'
