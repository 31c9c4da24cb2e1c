-- The promise that an agent who is free may take, of theirs or of their departments (folded), once nobody else is
-- changing it: first what somebody has said yes to, then the rest; of each, the one that has been due longest.
-- Two index lookups for the agent and two for each department, however many callbacks there are.
with agreed as materialized (
    select * from callbacks
    where domain_uuid = $1 and extension = $2 and extension <> '' and status = 'ready_to_call' and not_before <= $4
    order by not_before limit 1 for update
), anybodys_agreed as materialized (
    select waiting.* from unnest($3::text[]) as theirs_too (key), lateral (
        select * from callbacks
        where domain_uuid = $1 and extension = '' and department_key = theirs_too.key
          and status = 'ready_to_call' and not_before <= $4
        order by not_before limit 1 for update
    ) waiting
), theirs as materialized (
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
select * from (
    select * from agreed union all select * from anybodys_agreed
    union all select * from theirs union all select * from anybodys
) due
order by (status = 'ready_to_call') desc, not_before limit 1
