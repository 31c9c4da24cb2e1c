-- How many are open, and how many of them wait, for the metrics.
select count(*) filter (where status in ('pending', 'notified', 'ready_to_call')) as waiting, count(*) as open
from callbacks where pbx = $1 and closed_at is null
