-- Newest first. Every filter may be null.
select *, count(*) over () as total
from transfers
where ($1::uuid is null or domain_uuid = $1)
  and ($2::text is null or call_uuid = $2)
  and ($3::text is null or status = $3)
order by requested_at desc, id
limit $4 offset $5
