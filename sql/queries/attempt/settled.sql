update callback_attempts set settled = true where id = $1
