-- The tables that voiced adds to a FusionPBX database. May be run as often as you like:
--
--     psql -U fusionpbx -d fusionpbx -f transfer_destinations.sql
--
-- A table of this name that is there already is kept, with its rows, and gets the columns it lacks.
-- voiced hears of every change at once, by NOTIFY voiced_destinations with the domain's uuid.

begin;

create table if not exists v_voice_transfer_destinations (
    transfer_destination_uuid   uuid        primary key default gen_random_uuid(),
    domain_uuid                 uuid        not null,
    name                        text        not null,          -- what callers say
    destination_number          text        not null           -- 1001, 9000, 5001, +5511999990000
);
alter table v_voice_transfer_destinations
    add column if not exists secretary_uuid             uuid,    -- null: of every secretary of the domain
    add column if not exists aliases                    jsonb       default '[]',  -- ["cobrança", "boleto"]
    add column if not exists destination_type           text        not null default 'extension',
                                            -- extension, ring_group, queue, external, voicemail
    add column if not exists destination_context        text        default '',  -- '': the domain's name
    add column if not exists gateway                    text        default '',  -- of an external number
    add column if not exists ring_timeout_seconds       integer,  -- null: the secretary's, then voiced.toml's
    add column if not exists max_retries                integer,
    add column if not exists retry_delay_seconds        integer,
    add column if not exists fallback_action            text        default 'assistant',
                                            -- assistant, next, voicemail, callback, hangup
    add column if not exists fallback_destination_uuid  uuid,     -- of `next`; the box of `voicemail`
    add column if not exists department                 text        default '',
    add column if not exists role                       text        default '',
    add column if not exists description                text        default '',
    add column if not exists working_hours              jsonb,    -- docs/fusionpbx.md; null: always open
    add column if not exists priority                   integer     default 100,  -- the lower goes first
    add column if not exists is_default                 boolean     default false,  -- takes who names nobody
    add column if not exists is_enabled                 boolean     default true,
    add column if not exists screening                  boolean     default false,  -- taken with a key
    add column if not exists announce                   boolean,  -- null: the secretary's, then voiced.toml's
    add column if not exists created_at                 timestamptz default now(),
    add column if not exists updated_at                 timestamptz default now();
alter table v_voice_transfer_destinations drop constraint if exists chk_fallback_action;  -- it knew no `next`
drop index if exists idx_vtd_default_unique;  -- one a domain; here one a domain and secretary

create index if not exists voiced_destinations_domain on v_voice_transfer_destinations (domain_uuid);
create index if not exists voiced_destinations_secretary on v_voice_transfer_destinations (secretary_uuid);
create index if not exists voiced_destinations_enabled
    on v_voice_transfer_destinations (domain_uuid, priority) where is_enabled;

-- One default for each domain, and for each secretary of it. Of several the one that has counted stays: an
-- enabled one, then the lowest priority, then the first by name.
update v_voice_transfer_destinations set is_default = false where transfer_destination_uuid in (
    select transfer_destination_uuid from (
        select transfer_destination_uuid, row_number() over (
            partition by domain_uuid, secretary_uuid
            order by coalesce(is_enabled, true) desc, coalesce(priority, 100), name, transfer_destination_uuid
        ) as place
        from v_voice_transfer_destinations where is_default
    ) as ranked where place > 1
);
create unique index if not exists voiced_destinations_default on v_voice_transfer_destinations
    (domain_uuid, coalesce(secretary_uuid, '00000000-0000-0000-0000-000000000000')) where is_default;

alter table if exists v_voice_secretaries
    add column if not exists transfer_enabled           boolean     default true,
    add column if not exists transfer_default_timeout   integer,  -- seconds that a phone rings
    add column if not exists transfer_announce_enabled  boolean;  -- null: as voiced.toml says

create or replace function voiced_destinations_changed() returns trigger language plpgsql as $$
begin
    perform pg_notify('voiced_destinations', coalesce(new.domain_uuid, old.domain_uuid)::text);
    if tg_op = 'UPDATE' and new.domain_uuid is distinct from old.domain_uuid then
        perform pg_notify('voiced_destinations', old.domain_uuid::text);
    end if;
    return null;
end $$;
drop trigger if exists voiced_destinations_changed on v_voice_transfer_destinations;
create trigger voiced_destinations_changed after insert or update or delete
    on v_voice_transfer_destinations for each row execute function voiced_destinations_changed();
do $$
begin
    if to_regclass('v_voice_secretaries') is not null then
        drop trigger if exists voiced_destinations_changed on v_voice_secretaries;
        create trigger voiced_destinations_changed after insert or update or delete
            on v_voice_secretaries for each row execute function voiced_destinations_changed();
    end if;
end $$;

commit;
