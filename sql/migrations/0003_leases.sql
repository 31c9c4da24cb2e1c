-- Who owns a PBX. The owner raises `beat`; a standby takes over when it has watched it stand still.

create table leases (
    pbx             text        primary key,
    owner           text        not null,
    beat            bigint      not null default 0,
    taken_at        timestamptz not null default now()
);
