-- Callbacks: the promises, one row each with an append-only journal, and the attempts to keep them.

create table callback_settings (
    company_id      text        primary key,
    settings        jsonb       not null,
    updated_at      timestamptz not null default now()
);

create table callbacks (
    id                  uuid        primary key,
    seq                 integer     not null default 1,     -- of the last line in the journal
    pbx                 text        not null,
    company_id          text        not null,
    domain_uuid         uuid        not null,
    secretary_uuid      uuid,
    ticket_id           text        not null default '',    -- the backend's; '' until it has answered
    ticket_uuid         text        not null default '',
    story_id            uuid        not null,               -- the same from the transfer to the recording
    transfer_id         uuid,                               -- the transfer that failed
    number              text        not null,               -- E.164
    contact_name        text        not null default '',
    extension           text        not null default '',    -- '' for anybody of the department
    intended_for        text        not null default '',
    department          text        not null default '',
    reason              text        not null default '',
    summary             text        not null default '',
    transcript          jsonb,                              -- turns with roles, or text
    status              text        not null,
    created_at          timestamptz not null,
    scheduled_at        timestamptz,
    expires_at          timestamptz not null,
    not_before          timestamptz not null,               -- its time, a snooze, a pause
    look_at             timestamptz,                        -- when time alone changes something next
    assigned_at         timestamptz,                        -- since when it is this agent's; null: since made
    attempts            integer     not null default 0,     -- that cost the client something
    misses              jsonb       not null default '{}',  -- endings, by whose patience they cost
    last_attempt_at     timestamptz,
    attempt_id          uuid,
    notification_count  integer     not null default 0,
    last_notified_at    timestamptz,
    notify_via_whatsapp boolean     not null default false,
    whatsapp_sent_at    timestamptz,
    cancel_wanted       boolean     not null default false,
    completed_at        timestamptz,
    closed_at           timestamptz,
    voice_call_uuid     text        not null default '',    -- the call in which it was promised
    voice_call_date     timestamptz,
    voice_call_duration double precision,                   -- seconds, of the call that kept it
    recording_path      text        not null default ''
);
-- one open callback per client number and domain: a second request updates it
create unique index callbacks_one_per_number on callbacks (domain_uuid, number) where closed_at is null;
-- what an agent who is free may take, the longest due first
create index callbacks_of_agent on callbacks (domain_uuid, extension, not_before)
    where status in ('pending', 'notified', 'ready_to_call') and extension <> '';
create index callbacks_of_department on callbacks (domain_uuid, department, not_before)
    where status in ('pending', 'notified', 'ready_to_call') and extension = '';
create index callbacks_to_look_at on callbacks (pbx, look_at) where look_at is not null;
create index callbacks_by_domain on callbacks (domain_uuid, created_at desc, id);
create index callbacks_by_number on callbacks (domain_uuid, number, created_at);
create index callbacks_by_ticket on callbacks (domain_uuid, ticket_id) where ticket_id <> '';

create table callback_journal (
    callback_id     uuid        not null references callbacks (id) on delete cascade,
    seq             integer     not null,
    at              timestamptz not null,
    fact            text        not null,
    detail          jsonb       not null,
    status          text        not null,               -- after the fact
    primary key (callback_id, seq)
);

create table callback_attempts (
    id              uuid        primary key,
    seq             integer     not null default 0,
    callback_id     uuid        references callbacks (id) on delete cascade,
    pbx             text        not null,
    domain_uuid     uuid        not null,
    ticket_id       text        not null default '',
    number          text        not null,               -- of the client, E.164
    extension       text        not null,               -- of the agent
    phase           text        not null,
    request         jsonb       not null,               -- what a driver needs to go on with it
    state           jsonb       not null,               -- what the machine knows
    result          text        not null default '',
    leg             text        not null default '',
    cause           text        not null default '',
    sip_code        text        not null default '',
    requested_at    timestamptz not null,
    connected_at    timestamptz,
    ended_at        timestamptz,
    talk_seconds    double precision not null default 0,
    settled         boolean     not null default false  -- the callback and the backend know of its end
);
-- never two calls at once to a number, nor for an agent
create unique index attempts_one_per_number on callback_attempts (domain_uuid, number) where ended_at is null;
create unique index attempts_one_per_agent on callback_attempts (domain_uuid, extension) where ended_at is null;
create index attempts_unsettled on callback_attempts (pbx) where not settled;
create index attempts_of_callback on callback_attempts (callback_id, requested_at);
create index attempts_by_ticket on callback_attempts (domain_uuid, ticket_id, requested_at desc);

create table callback_attempt_journal (
    attempt_id      uuid        not null references callback_attempts (id) on delete cascade,
    seq             integer     not null,
    at              timestamptz not null,
    fact            text        not null,
    detail          jsonb       not null,
    phase           text        not null,
    primary key (attempt_id, seq)
);

-- the ticket's id is filled in when a message about a callback is sent: the one that makes it goes first
alter table outbox add column callback_id uuid;
