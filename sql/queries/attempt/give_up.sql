-- An attempt that cannot be gone on with: its result is lost, unless it was known, or the two have talked. Where both
-- may have been on the line the cause says so: the client is not called again before a person has looked.
update callback_attempts
set phase = 'ended', ended_at = now(),
    result = case when result <> '' then result when connected_at is null then 'failed' else 'completed' end,
    cause = case when result <> '' then cause when phase in ('joining', 'bridging') then 'LOST_TOGETHER' else 'LOST' end
where id = $1 and ended_at is null
