-- What is over is removed after a while: these find it.

create index transfers_ended on transfers (ended_at) where ended_at is not null;
create index callbacks_closed on callbacks (closed_at) where closed_at is not null;
create index attempts_ended on callback_attempts (ended_at) where callback_id is null and ended_at is not null;
create index outbox_delivered on outbox (delivered_at) where state = 'delivered';
create index requests_asked on requests (asked_at);
