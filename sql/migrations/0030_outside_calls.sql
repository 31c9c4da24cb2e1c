-- Numbers outside that were dialled, each once for its attempt: a domain may dial so many within a minute,
-- whichever daemons do it, and however often they are started again.

create table outside_calls (
    attempt         text        not null,               -- the mark of its legs, ID.N
    number          text        not null,
    domain_uuid     uuid        not null,
    dialled_at      timestamptz not null default now(),
    primary key (attempt, number)
);
create index outside_calls_of_domain on outside_calls (domain_uuid, dialled_at);
