-- The attempts of a PBX that have not ended, for recovery.
select id, request, ticket_id, state, seq from callback_attempts where pbx = $1 and ended_at is null order by requested_at
