update callbacks set look_at = $2 where id = $1
