insert into callback_journal (callback_id, seq, at, fact, detail, status) values ($1, 1, $2, 'made', $3, $4)
