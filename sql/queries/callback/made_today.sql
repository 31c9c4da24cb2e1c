select count(*) from callbacks where domain_uuid = $1 and number = $2 and created_at > $3::timestamptz - interval '1 day'
