-- What the server writes to its log about sessions of this database: no errors, since their texts
-- and details show rows ("Failing row contains", "Key (email)=", "invalid input syntax … ann@…") and
-- may be those of any reader of an address. Whoever caused an error is told it all the same. What
-- is written with LOG, refused logins and crashes are logged as ever.
-- Only a superuser may: the settings bind everybody else, whatever they set for themselves.
do $$
begin
  execute format('alter database %I set log_min_messages = %L', current_database(), 'log');
  -- If somebody turns that on again, errors come without details and parameters.
  execute format('alter database %I set log_error_verbosity = %L', current_database(), 'terse');
  execute format('alter database %I set log_parameter_max_length = 0', current_database());
  execute format('alter database %I set log_parameter_max_length_on_error = 0',
    current_database());
exception when insufficient_privilege then
  raise warning 'the server''s log may hold personal data: this login may not set log_min_messages '
    'for the database %; as a superuser, run include/database/definitions/server_log.sql',
    current_database();
end $$;
