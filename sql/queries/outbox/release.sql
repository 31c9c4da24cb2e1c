-- A held message is tried again, for a day again, with its stream behind it.
update outbox set state = 'pending', next_at = now(), trying_since = now() where id = $1 and state = 'held' returning id
