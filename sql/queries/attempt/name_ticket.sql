update callback_attempts set ticket_id = $2 where id = $1 and ticket_id = ''
