-- Whether the call in which a callback was promised was recorded: the agent is told so.
alter table callbacks add column voice_call_recorded boolean not null default false;
