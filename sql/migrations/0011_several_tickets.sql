-- A client who asks again under another ticket has one callback still: each of its tickets finds it, and is told.
alter table callbacks add column other_tickets text[] not null default '{}';   -- besides ticket_id
create index callbacks_by_other_ticket on callbacks using gin (other_tickets) where other_tickets <> '{}';
