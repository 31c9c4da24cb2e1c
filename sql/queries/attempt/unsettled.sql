-- An attempt whose end nobody has been told yet, locked for us alone.
select id, callback_id, domain_uuid, ticket_id, request, result, leg, cause, sip_code, talk_seconds, ended_at
from callback_attempts
where pbx = $1 and not settled and ended_at is not null
order by ended_at limit 1 for update skip locked
