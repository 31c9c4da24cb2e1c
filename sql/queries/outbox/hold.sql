update outbox set state = 'held', tries = tries + 1, last_status = $2, last_error = $3 where id = $1
