-- The transfers of a PBX that have not ended, for recovery.
select * from transfers where pbx = $1 and ended_at is null order by requested_at
