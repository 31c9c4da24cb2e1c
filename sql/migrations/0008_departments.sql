-- Names of departments are compared without case, accents and blanks: beside each as it was written, as
-- voiced/folding.py folds it.

alter table callbacks add column department_key text not null default '';
update callbacks set department_key = trim(regexp_replace(
    lower(regexp_replace(normalize(department, NFKD), '[\u0300-\u036f]', '', 'g')), '\s+', ' ', 'g'
)) where department <> '';
drop index callbacks_of_department;
create index callbacks_of_department on callbacks (domain_uuid, department_key, not_before)
    where status in ('pending', 'notified', 'ready_to_call') and extension = '';
