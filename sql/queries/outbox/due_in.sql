-- Seconds until the next message is due; null where none waits.
select extract(epoch from min(next_at) - now())::float8 from outbox where state = 'pending'
