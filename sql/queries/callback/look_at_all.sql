-- A company's settings have changed: whatever waits is due for a look.
with due as (
    update callbacks set look_at = created_at
    where company_id = $1 and status in ('pending', 'notified', 'ready_to_call') returning pbx
)
select pg_notify('voiced_callbacks', pbx) from (select distinct pbx from due) pbxs
