-- What the ticketing backend is told: in order for each stream (a call, a ticket), once for each key.

create table outbox (
    id              bigserial   primary key,
    stream          text        not null,
    idempotency_key text        not null unique,
    path            text        not null,
    payload         jsonb       not null,
    state           text        not null default 'pending' check (state in ('pending', 'delivered', 'held')),
    tries           integer     not null default 0,
    created_at      timestamptz not null default now(),
    next_at         timestamptz not null default now(),
    delivered_at    timestamptz,
    last_status     integer,
    last_error      text        not null default ''
);
create index outbox_open on outbox (stream, id) where state <> 'delivered';
create index outbox_due on outbox (next_at) where state = 'pending';
