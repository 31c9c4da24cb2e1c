-- Two destinations to begin with, for every domain that has none. May be run as often as you like:
--
--     psql -U fusionpbx -d fusionpbx -f sample_destinations.sql

insert into v_voice_transfer_destinations
    (domain_uuid, name, aliases, destination_type, destination_number, department, description, is_default,
     priority)
select domain_uuid, sample.*
from v_domains, (values
    ('Atendimento', '["recepção", "telefonista", "central"]'::jsonb, 'ring_group', '9000', 'Atendimento',
     'Quem não sabe com quem quer falar', true, 100),
    ('Suporte', '["suporte técnico", "assistência técnica"]'::jsonb, 'queue', '5001', 'Suporte',
     'Dúvidas e problemas técnicos', false, 100)
) as sample
where not exists (
    select from v_voice_transfer_destinations as there where there.domain_uuid = v_domains.domain_uuid
);
