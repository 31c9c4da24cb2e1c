select seq, at, fact, detail, status from callback_journal where callback_id = $1 order by seq
