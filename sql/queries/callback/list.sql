-- Newest first. Every filter may be null.
select *, count(*) over () as total
from callbacks
where ($1::uuid is null or domain_uuid = $1)
  and ($2::text is null or status = $2)
  and ($3::text is null or extension = $3 or intended_for = $3)
  and ($4::text is null or department_key = $4)
  and ($5::text is null or ticket_id = $5 or (other_tickets <> '{}' and other_tickets @> array[$5]))
  and ($6::timestamptz is null or created_at >= $6)
  and ($7::timestamptz is null or created_at < $7)
  and ($8::text is null or number = $8)
order by created_at desc, id
limit $9 offset $10
