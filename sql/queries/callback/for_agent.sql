-- The promise that an agent who is free may take: the one that has been due longest, of theirs or of their
-- departments, locked for us alone. Two index lookups, however many callbacks there are.
with theirs as materialized (
    select * from callbacks
    where domain_uuid = $1 and extension = $2 and status in ('pending', 'notified', 'ready_to_call')
      and not_before <= $4
    order by not_before limit 1 for update skip locked
), anybodys as materialized (
    select * from callbacks
    where domain_uuid = $1 and extension = '' and department = any($3::text[])
      and status in ('pending', 'notified', 'ready_to_call') and not_before <= $4
    order by not_before limit 1 for update skip locked
)
select * from (select * from theirs union all select * from anybodys) due
order by not_before limit 1
