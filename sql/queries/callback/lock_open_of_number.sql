-- The open callback of a client, if there is one.
select * from callbacks where domain_uuid = $1 and number = $2 and closed_at is null for update
