-- A message that is released after a day is tried for a day again.

alter table outbox add column trying_since timestamptz not null default now();
update outbox set trying_since = created_at;
