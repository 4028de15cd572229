-- Who there is. Roles belong to the server: other databases of it may know them, so they stay.
--
-- Groups: nobody logs in as one of them; limits.sql limits who does, as a member.
--   analyst          reads predictions and analytics
--   audience_readers mailing teams: the audience of their campaigns, and nothing else
--   marketing        the mailing team that owns what no other team does
--   audience_owner   owns the audience view: what the view may read, its readers may not
-- Logins of services; people get logins of their own (`make reader`).
--   pipeline         writes; the only one that reads pii
--   analyst_login, marketing_login  what reads for everybody: dashboards, the mailing system
--   lake_catalog, mlflow, airflow   own their database each, and get into no other
do $$
declare
  name text;
begin
  foreach name in array array['pipeline', 'analyst_login', 'marketing_login', 'lake_catalog',
                              'mlflow', 'airflow'] loop
    if not exists (select from pg_roles where rolname = name) then
      execute format('create role %I login', name);
    end if;
  end loop;
  foreach name in array array['analyst', 'marketing', 'audience_readers', 'audience_owner'] loop
    if not exists (select from pg_roles where rolname = name) then
      execute format('create role %I nologin', name);
    -- Until 2026-11 analyst and marketing had passwords that whole teams knew.
    elsif (select rolcanlogin from pg_roles where rolname = name) then
      execute format('alter role %I nologin password null', name);
      execute format('alter role %I reset all', name);
    end if;
  end loop;
  -- A server of one's own may have had a role of that name before.
  for name in
    select rolname from pg_roles
    where rolname in ('pipeline', 'analyst_login', 'marketing_login', 'lake_catalog', 'mlflow',
                      'airflow', 'analyst', 'marketing', 'audience_readers', 'audience_owner')
      and (rolsuper or rolcreaterole or rolcreatedb or rolreplication or rolbypassrls)
  loop
    raise exception 'the role % may do more than it should (superuser, createrole, createdb, replication or bypassrls): rename it, or take that away', name;
  end loop;

  -- Nobody gets in because they are somebody. Temporary tables fill a disk, and nothing limits them.
  execute format('revoke all on database %I from public, analyst, audience_readers',
                 current_database());
  execute format('grant connect, temporary on database %I to pipeline', current_database());
  execute format('grant connect on database %I to analyst, audience_readers', current_database());

  -- What is kept free of readers' connections (reserved_connections, since Postgres 16).
  if exists (select from pg_roles where rolname = 'pg_use_reserved_connections') then
    begin
      grant pg_use_reserved_connections to pipeline, lake_catalog, mlflow, airflow;
    exception when insufficient_privilege then
      raise warning 'only a superuser can grant pg_use_reserved_connections to pipeline';
    end;
  end if;
end $$;
grant audience_readers to marketing;
grant analyst to analyst_login;
grant marketing to marketing_login;
-- To hand tables over, one must be a member (a superuser is, of all).
grant pipeline, audience_owner, lake_catalog, mlflow, airflow to current_user;
