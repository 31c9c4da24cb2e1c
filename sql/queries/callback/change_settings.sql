-- Beside earlier changes, and beside those that somebody else makes at the same time. Returns all of them.
with changed as (
    insert into callback_settings (company_id, settings) values ($1, $2)
    on conflict (company_id) do update set settings = callback_settings.settings || $2, updated_at = now()
    returning company_id, settings
), told as (
    select pg_notify('voiced_callback_settings', company_id) from changed
)
select settings from changed, told
