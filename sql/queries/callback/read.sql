select * from callbacks where id = $1 and ($2::uuid is null or domain_uuid = $2)
