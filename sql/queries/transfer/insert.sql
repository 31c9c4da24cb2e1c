-- A new transfer with its first intention. Fails with a unique violation where one of this call is open; the
-- same again, after a commit whose answer was lost, is nothing new.
insert into transfers (
    id, pbx, call_uuid, story_id, domain_uuid, secretary_uuid, caller_number, caller_name, destination,
    reason, summary, status, attempts, phase, request, state, requested_at
) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
on conflict (id) do nothing
