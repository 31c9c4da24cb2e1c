-- An attempt whose end nobody has been told yet, locked for us alone. Nothing of it needs the version of voiced
-- that has written it.
select id, callback_id, domain_uuid, ticket_id, number, extension, result, leg, cause, sip_code, talk_seconds, ended_at,
       request ->> 'story_id' as story_id, coalesce(request ->> 'ticket_id', '') as ordered_ticket,
       coalesce(request ->> 'contact_name', '') as contact_name, coalesce(request ->> 'recording', '') as recording,
       coalesce(request ->> 'retries', 'true') = 'true' as retries
from callback_attempts
where pbx = $1 and not settled and ended_at is not null
order by ended_at limit 1 for update skip locked
