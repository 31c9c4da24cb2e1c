-- Requests that reach a daemon which does not own the PBX: the owner takes them, and answers here.

create table requests (
    id          uuid        primary key default gen_random_uuid(),
    pbx         text        not null,
    kind        text        not null,
    body        jsonb       not null,
    asked_at    timestamptz not null default now(),
    taken_by    text,
    answer      jsonb
);
create index requests_waiting on requests (pbx, asked_at) where taken_by is null;
