select e.extension, d.domain_name as domain from v_extensions e join v_domains d using (domain_uuid)
where e.do_not_disturb = 'true'
