with request as (insert into requests (pbx, kind, body) values ($1, $2, $3) returning id)
select id, pg_notify('voiced_requests', $1) from request
