update callbacks set ticket_id = $2, ticket_uuid = $3, other_tickets = array_remove(other_tickets, $2)
where id = $1 and ticket_id = '' returning domain_uuid
