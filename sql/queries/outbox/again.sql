update outbox set tries = tries + 1, next_at = now() + make_interval(secs => $2), last_status = $3, last_error = $4
where id = $1
