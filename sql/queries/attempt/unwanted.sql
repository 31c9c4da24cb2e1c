-- The attempts under way ($2: this one) whose callback was canceled meanwhile: whoever took the cancel may have died
-- before the call was ended.
select a.id from callback_attempts a join callbacks c on c.id = a.callback_id and c.attempt_id = a.id
where a.pbx = $1 and ($2::uuid is null or a.id = $2) and a.ended_at is null and c.cancel_wanted
