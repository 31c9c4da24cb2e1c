-- An intention to call. Fails with a unique violation where the client, or the agent, is being called already.
insert into callback_attempts (
    id, callback_id, pbx, domain_uuid, ticket_id, number, extension, phase, request, state, requested_at
) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
