-- Of the callbacks made in a period: all together, by destination (whom it was promised for, else the department), by
-- department, by agent; each called as most wrote it. A callback counts once, however often it was called. A promise is
-- kept when the two have talked; `average_wait_seconds` is from the promised time to that call, 0 for one before it.
with made as (
    select *, greatest(created_at, scheduled_at) as promised_at
    from callbacks
    where ($1::uuid is null or domain_uuid = $1)
      and ($2::timestamptz is null or created_at >= $2)
      and ($3::timestamptz is null or created_at < $3)
), named as (
    select 'all' as kind, '' as key, '' as name, made.* from made
    union all select 'destination', lower(coalesce(nullif(intended_for, ''), department)),
        coalesce(nullif(intended_for, ''), department), made.* from made where intended_for <> '' or department <> ''
    union all select 'department', department_key, department, made.* from made where department_key <> ''
    union all select 'agent', extension, extension, made.* from made where extension <> ''
)
select kind, mode() within group (order by name) as name, count(*) as total,
       count(*) filter (where status in ('pending', 'notified', 'ready_to_call')) as pending,
       count(*) filter (where status = 'in_progress') as in_progress,
       count(*) filter (where status = 'completed') as completed,
       count(*) filter (where status = 'expired') as expired,
       count(*) filter (where status = 'canceled') as canceled,
       count(*) filter (where status = 'failed') as failed,
       count(*) filter (where status = 'needs_review') as needs_review,
       round(extract(epoch from avg(greatest(last_attempt_at - promised_at, interval '0')) filter (where status = 'completed')))::float8
           as average_wait_seconds,
       (count(*) filter (where status = 'completed'))::float8 / nullif(count(*) filter (where closed_at is not null), 0)
           as completion_rate,
       (count(*) filter (where status = 'completed'))::float8
           / nullif(count(*) filter (where closed_at is not null and status <> 'canceled'), 0) as promises_kept
from named group by kind, key order by kind, total desc, name
