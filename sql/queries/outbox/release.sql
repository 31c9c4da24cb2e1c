-- A held message is tried again, for a day again, with its stream behind it.
with released as (
    update outbox set state = 'pending', next_at = now(), trying_since = now()
    where id = $1 and state = 'held' returning id, stream
), behind as (
    update outbox o set next_at = now() from released
    where o.stream = released.stream and o.id > released.id and o.state = 'pending'
)
select id from released
