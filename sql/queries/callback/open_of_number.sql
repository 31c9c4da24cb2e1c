select id, ticket_id, status, intended_for, scheduled_at from callbacks
where domain_uuid = $1 and number = $2 and closed_at is null
