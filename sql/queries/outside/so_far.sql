select count(*) from outside_calls where domain_uuid = $1 and dialled_at > now() - interval '1 minute'
