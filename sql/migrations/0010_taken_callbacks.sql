-- An agent who takes a callback that is somebody else's, or anybody's of a department, keeps it for its retries:
-- whose it was stays known.
alter table callbacks add column taken_from text;   -- '' for the department's; null where nobody took it

-- What somebody has said yes to comes first when an agent is free, the longest due of it before others.
create index callbacks_agreed_of_agent on callbacks (domain_uuid, extension, not_before)
    where status = 'ready_to_call' and extension <> '';
create index callbacks_agreed_of_department on callbacks (domain_uuid, department_key, not_before)
    where status = 'ready_to_call' and extension = '';
