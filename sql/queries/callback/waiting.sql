-- How many wait to be called, for the metrics.
select count(*) from callbacks where pbx = $1 and status in ('pending', 'notified', 'ready_to_call')
