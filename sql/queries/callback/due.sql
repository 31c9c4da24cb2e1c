-- Callbacks for which time alone may change something, locked for us alone.
select * from callbacks where pbx = $1 and look_at <= $2 order by look_at limit $3 for update skip locked
