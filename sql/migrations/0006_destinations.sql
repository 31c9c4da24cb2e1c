-- Where calls are transferred to, where there is no FusionPBX database: the tables of
-- sql/fusionpbx/transfer_destinations.sql, which says what the columns mean. A test holds the two equal.

create table v_voice_secretaries (
    voice_secretary_uuid        uuid        primary key default gen_random_uuid(),
    domain_uuid                 uuid        not null,
    transfer_enabled            boolean     default true,
    transfer_default_timeout    integer,
    transfer_announce_enabled   boolean
);

create table v_voice_transfer_destinations (
    transfer_destination_uuid   uuid        primary key default gen_random_uuid(),
    domain_uuid                 uuid        not null,
    secretary_uuid              uuid,
    name                        text        not null,
    aliases                     jsonb       default '[]',
    destination_type            text        not null default 'extension',
    destination_number          text        not null,
    destination_context         text        default '',
    gateway                     text        default '',
    ring_timeout_seconds        integer,
    max_retries                 integer,
    retry_delay_seconds         integer,
    fallback_action             text        default 'assistant',
    fallback_destination_uuid   uuid,
    department                  text        default '',
    role                        text        default '',
    description                 text        default '',
    working_hours               jsonb,
    priority                    integer     default 100,
    is_default                  boolean     default false,
    is_enabled                  boolean     default true,
    screening                   boolean     default false,
    announce                    boolean,
    created_at                  timestamptz default now(),
    updated_at                  timestamptz default now()
);
create index voiced_destinations_domain on v_voice_transfer_destinations (domain_uuid);
create index voiced_destinations_secretary on v_voice_transfer_destinations (secretary_uuid);
create index voiced_destinations_enabled on v_voice_transfer_destinations (domain_uuid, priority) where is_enabled;

create function voiced_destinations_changed() returns trigger language plpgsql as $$
begin
    perform pg_notify('voiced_destinations', coalesce(new.domain_uuid, old.domain_uuid)::text);
    if tg_op = 'UPDATE' and new.domain_uuid is distinct from old.domain_uuid then
        perform pg_notify('voiced_destinations', old.domain_uuid::text);
    end if;
    return null;
end $$;
create trigger voiced_destinations_changed after insert or update or delete
    on v_voice_transfer_destinations for each row execute function voiced_destinations_changed();
create trigger voiced_destinations_changed after insert or update or delete
    on v_voice_secretaries for each row execute function voiced_destinations_changed();
