-- Limits of everybody who logs in to read: members of analyst and of mailing teams.
--
-- How many connections, and how much disk a query's sorts may take, they can't change. Timeouts are
-- for those who forget: a session may set its own, so a publication ends whoever is in its way.
-- Nothing limits work_mem: the server's memory does (docs/decisions/0013).
do $$
declare
  login record;
begin
  for login in
    select r.rolname as name, r.rolconnlimit as connections,
      r.rolname in ('analyst_login', 'marketing_login') as is_service
    from pg_roles r
    where r.rolcanlogin and not r.rolsuper and not r.rolcreaterole
      and (pg_has_role(r.oid, 'analyst', 'member') or pg_has_role(r.oid, 'audience_readers', 'member'))
  loop
    -- A limit that an administrator chose stays.
    if login.connections < 0 then
      execute format('alter role %I connection limit %s', login.name,
                     case when login.is_service then 20 else 5 end);
    end if;
    -- Whoever uses a shared login may set its defaults, for all who use it.
    if login.is_service then
      execute format('alter role %I reset all', login.name);
      execute format('alter role %I in database %I reset all', login.name, current_database());
    end if;
    execute format('alter role %I set statement_timeout = ''1h''', login.name);
    -- A transaction that somebody left open over lunch would keep every publication waiting.
    execute format('alter role %I set idle_in_transaction_session_timeout = ''10min''', login.name);
    execute format('alter role %I set idle_session_timeout = ''8h''', login.name);
    if current_setting('server_version_num')::int >= 170000 then
      execute format('alter role %I set transaction_timeout = ''2h''', login.name);
    end if;
    begin
      execute format('alter role %I set temp_file_limit = ''10GB''', login.name);
    exception when insufficient_privilege then
      null;  -- a superuser's to set
    end;
  end loop;
end $$;
