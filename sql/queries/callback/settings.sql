select settings from callback_settings where company_id = $1
