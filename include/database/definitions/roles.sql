-- Who there is. Roles belong to the server: other databases of it may know them, so they stay.
--   pipeline         writes; the only one that reads pii
--   analyst          reads predictions and analytics
--   audience_readers mailing teams: the audience of their campaigns, and nothing else
--   marketing        the mailing team that owns what no other team does
--   audience_owner   owns the audience view: what the view may read, its readers may not
do $$
declare
  name text;
begin
  foreach name in array array['pipeline', 'analyst', 'marketing'] loop
    if not exists (select from pg_roles where rolname = name) then
      execute format('create role %I login', name);
    end if;
  end loop;
  foreach name in array array['audience_readers', 'audience_owner'] loop
    if not exists (select from pg_roles where rolname = name) then
      execute format('create role %I nologin', name);
    end if;
  end loop;
  -- Nobody gets in because they are somebody.
  execute format('revoke all on database %I from public', current_database());
  execute format('grant connect, temporary on database %I to pipeline, analyst', current_database());
  execute format('grant connect on database %I to audience_readers', current_database());
end $$;
grant audience_readers to marketing;
-- To hand tables over, one must be a member (a superuser is, of all).
grant pipeline, audience_owner to current_user;

-- A transaction that somebody left open over lunch would keep every publication waiting.
alter role analyst set idle_in_transaction_session_timeout = '10min';
alter role analyst set statement_timeout = '1h';
alter role marketing set idle_in_transaction_session_timeout = '10min';
alter role marketing set statement_timeout = '1h';
