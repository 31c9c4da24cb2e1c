-- A fact: its line in the journal, and what is known now. Notes come in order; an older one changes nothing.
with line as (
    insert into callback_attempt_journal (attempt_id, seq, at, fact, detail, phase)
    select $1, $2, $3, $4, $5, $6 where exists (select from callback_attempts where id = $1)
    on conflict do nothing
)
update callback_attempts
set seq = $2, phase = $6, state = $7, result = $8, leg = $9, cause = $10, sip_code = $11, connected_at = $12,
    ended_at = $13, talk_seconds = $14
where id = $1 and seq < $2
