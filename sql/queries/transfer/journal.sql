select seq, at, fact, detail, phase from transfer_journal where transfer_id = $1 order by seq
