select id, request, ticket_id, state, seq from callback_attempts where id = $1 and ($2::uuid is null or domain_uuid = $2)
