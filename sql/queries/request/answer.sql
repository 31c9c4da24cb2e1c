with request as (update requests set answer = $2 where id = $1 returning id)
select pg_notify('voiced_answers', id::text) from request
