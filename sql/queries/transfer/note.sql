-- A fact: its line in the journal, and what is known now. Notes come in order; an older one changes nothing.
with line as (
    insert into transfer_journal (transfer_id, seq, at, fact, detail, phase)
    values ($1, $2, $3, $4, $5, $6)
    on conflict do nothing
)
update transfers
set seq = $2, phase = $6, status = $7, cause = $8, sip_code = $9, ended_by = $10, attempts = $11,
    destination = $12, state = $13, bridged_at = $14, ended_at = $15
where id = $1 and seq < $2
