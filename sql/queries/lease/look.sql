select owner, beat from leases where pbx = $1
