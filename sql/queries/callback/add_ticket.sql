-- One more ticket of a callback, told of its changes from now on. Tells whether the callback has it.
with added as (
    update callbacks set other_tickets = other_tickets || $2::text
    where id = $1 and ticket_id <> $2 and not other_tickets @> array[$2::text] and cardinality(other_tickets) < $3
    returning id
)
select exists(select from added)
    or exists(select from callbacks where id = $1 and (ticket_id = $2 or other_tickets @> array[$2::text]))
