select count(*) filter (where state = 'pending') as pending,
       count(*) filter (where state = 'held') as held,
       coalesce(extract(epoch from now() - min(created_at) filter (where state = 'pending')), 0)::float8 as oldest
from outbox where state <> 'delivered'
