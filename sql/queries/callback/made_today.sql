select count(*) from callbacks where domain_uuid = $1 and number = $2 and created_at > now() - interval '1 day'
