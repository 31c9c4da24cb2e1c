-- Transfers: one row each with what is known now, and an append-only journal of every fact.

create table transfers (
    id              uuid primary key,
    pbx             text        not null,
    call_uuid       text        not null,               -- the caller's channel
    story_id        uuid        not null,               -- the same from the transfer to the recording
    domain_uuid     uuid        not null,
    secretary_uuid  uuid,
    caller_number   text        not null,
    caller_name     text        not null,
    destination     jsonb       not null,               -- of the attempt under way: uuid, name, type, number
    reason          text        not null,
    summary         text        not null,
    status          text        not null,
    cause           text        not null default '',
    sip_code        text        not null default '',
    ended_by        text        not null default '',
    attempts        integer     not null default 0,
    phase           text        not null,
    seq             integer     not null default 0,     -- of the last fact in the journal
    request         jsonb       not null,               -- what a driver needs to go on with it
    state           jsonb       not null,               -- what the machine knows
    requested_at    timestamptz not null,
    bridged_at      timestamptz,
    ended_at        timestamptz
);
-- a second transfer of one call is refused while the first runs, also after a restart
create unique index transfers_one_per_call on transfers (pbx, call_uuid) where ended_at is null;
create index transfers_by_domain on transfers (domain_uuid, requested_at desc);
create index transfers_by_call on transfers (call_uuid, requested_at desc);

create table transfer_journal (
    transfer_id     uuid        not null references transfers (id) on delete cascade,
    seq             integer     not null,
    at              timestamptz not null,
    fact            text        not null,
    detail          jsonb       not null,
    phase           text        not null,               -- after the fact
    primary key (transfer_id, seq)
);
