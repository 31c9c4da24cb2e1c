-- An intention to call, by the daemon ($12) that owns the PBX: no row where another one has taken over meanwhile. Its
-- lease is held until the commit, so that whoever takes over finds the attempt. Fails with a unique violation where the
-- client, or the agent, is being called already.
with ours as materialized (
    select pbx from leases where pbx = $3 and owner = $12 for share
)
insert into callback_attempts (
    id, callback_id, pbx, domain_uuid, ticket_id, number, extension, phase, request, state, requested_at
) select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11 from ours
returning id
