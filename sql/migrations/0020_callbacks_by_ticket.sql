-- The callbacks of a ticket are found without the domain too: a token of all domains names none.

create index callbacks_of_ticket on callbacks (ticket_id, created_at desc) where ticket_id <> '';
drop index callbacks_by_ticket;
