-- Seconds until time alone changes something next; null where nothing waits.
select extract(epoch from min(look_at) - $2)::float8 from callbacks where pbx = $1 and look_at is not null
