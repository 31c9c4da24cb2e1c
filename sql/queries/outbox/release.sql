-- A held message is tried again, with its stream behind it.
update outbox set state = 'pending', next_at = now() where id = $1 and state = 'held' returning id
