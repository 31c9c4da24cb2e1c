select a.id as attempt_id, j.seq, j.at, j.fact, j.detail, j.phase
from callback_attempts a join callback_attempt_journal j on j.attempt_id = a.id
where a.callback_id = $1 order by a.requested_at, j.seq
