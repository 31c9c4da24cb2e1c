-- The newest callback of a ticket; an open one first.
select * from callbacks
where (ticket_id = $1 and ticket_id <> '' or (other_tickets <> '{}' and other_tickets @> array[$1::text]))
  and ($2::uuid is null or domain_uuid = $2)
order by (closed_at is null) desc, created_at desc limit 1
