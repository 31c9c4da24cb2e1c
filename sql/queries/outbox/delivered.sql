update outbox set state = 'delivered', tries = tries + 1, delivered_at = now(), last_status = $2, last_error = ''
where id = $1
