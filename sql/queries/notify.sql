-- Several notices on one channel, in order.
select pg_notify($1, told) from unnest($2::text[]) with ordinality as t (told, at) order by at
