-- One at a time begins a call for a ticket of a domain, until its transaction ends.
select pg_advisory_xact_lock(hashtextextended($1::uuid || $2::text, 0))
