delete from leases where pbx = $1 and owner = $2
