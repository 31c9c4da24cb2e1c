-- Whether a call for a ticket, without a callback, is under way.
select exists(
    select from callback_attempts
    where domain_uuid = $1 and ticket_id = $2 and callback_id is null and ended_at is null
)
