delete from requests where asked_at < now() - interval '1 hour'
