update leases set beat = beat + 1 where pbx = $1 and owner = $2 returning beat
