-- One default for each domain, and for each secretary of it. Of several the one that has counted stays: an
-- enabled one, then the lowest priority, then the first by name.

update v_voice_transfer_destinations set is_default = false where transfer_destination_uuid in (
    select transfer_destination_uuid from (
        select transfer_destination_uuid, row_number() over (
            partition by domain_uuid, secretary_uuid
            order by coalesce(is_enabled, true) desc, coalesce(priority, 100), name, transfer_destination_uuid
        ) as place
        from v_voice_transfer_destinations where is_default
    ) as ranked where place > 1
);
create unique index voiced_destinations_default on v_voice_transfer_destinations
    (domain_uuid, coalesce(secretary_uuid, '00000000-0000-0000-0000-000000000000')) where is_default;
