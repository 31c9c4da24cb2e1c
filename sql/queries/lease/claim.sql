-- Take a PBX that nobody has, or from an owner whose beat has stood still.
insert into leases (pbx, owner) values ($1, $2)
on conflict (pbx) do update set owner = $2, beat = leases.beat + 1, taken_at = now()
where leases.owner = $3 and leases.beat = $4
returning owner
