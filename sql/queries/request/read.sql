select answer from requests where id = $1
