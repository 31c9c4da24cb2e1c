-- count an attempt's numbers, all of them or none; those that are counted already cost nothing more
with wanted as (
    select unnest($3::text[]) as number except select number from outside_calls where attempt = $1
), counted as (
    insert into outside_calls (attempt, number, domain_uuid)
    select $1, number, $2::uuid from wanted
    where (select count(*) from wanted) + (
        select count(*) from outside_calls where domain_uuid = $2 and dialled_at > now() - interval '1 minute'
    ) <= $4
    returning number
)
select (select count(*) from counted) = (select count(*) from wanted)
