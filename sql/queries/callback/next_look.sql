select min(look_at) from callbacks where pbx = $1 and look_at is not null
