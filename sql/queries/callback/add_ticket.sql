-- One more ticket of a callback, told of its changes from now on.
update callbacks set other_tickets = other_tickets || $2::text
where id = $1 and ticket_id <> $2 and not other_tickets @> array[$2::text]
