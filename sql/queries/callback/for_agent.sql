-- The promise that an agent who is free may take: the one that has been due longest, of theirs or of their
-- departments (folded), once nobody else is changing it. One index lookup for the agent and one for each department, however
-- many callbacks there are.
with theirs as materialized (
    select * from callbacks
    where domain_uuid = $1 and extension = $2 and extension <> '' and status in ('pending', 'notified', 'ready_to_call')
      and not_before <= $4
    order by not_before limit 1 for update
), anybodys as materialized (
    select waiting.* from unnest($3::text[]) as theirs_too (key), lateral (
        select * from callbacks
        where domain_uuid = $1 and extension = '' and department_key = theirs_too.key
          and status in ('pending', 'notified', 'ready_to_call') and not_before <= $4
        order by not_before limit 1 for update
    ) waiting
)
select * from (select * from theirs union all select * from anybodys) due
order by not_before limit 1
