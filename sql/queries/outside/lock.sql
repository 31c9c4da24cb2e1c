-- one at a time for each domain, until the transaction ends
select pg_advisory_xact_lock(hashtextextended('outside_calls', 0) # hashtextextended($1::uuid::text, 0))
