select * from callbacks where id = $1 for update
