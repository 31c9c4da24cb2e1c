with changed as (
    insert into callback_settings (company_id, settings) values ($1, $2)
    on conflict (company_id) do update set settings = $2, updated_at = now()
    returning company_id
)
select pg_notify('voiced_callback_settings', company_id) from changed
