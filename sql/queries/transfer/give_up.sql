-- A transfer that cannot be gone on with: its result is lost, unless the two have talked.
update transfers
set status = case when bridged_at is null then 'failed' else status end,
    cause = case when bridged_at is null then 'LOST' else cause end, phase = 'ended', ended_at = now()
where id = $1 and ended_at is null
