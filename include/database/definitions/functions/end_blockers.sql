-- A publication that waits for readers ends them after its patience; only who holds what it waits for,
-- never a session of the pipeline's own, never a superuser's. The owner may end sessions, the pipeline
-- may not: it can only call this.
do $$
begin
  if not exists (select from pg_roles where rolname = 'blocker_ender') then
    create role blocker_ender nologin;
  end if;
  grant pg_signal_backend, pg_read_all_stats to blocker_ender;
exception when insufficient_privilege then
  raise warning 'this server lets nobody end readers: a publication waits until they end by themselves';
end $$;
grant blocker_ender to current_user;
grant usage, create on schema predictions to blocker_ender;

create or replace function predictions.end_blockers(waiting_pid integer)
returns table (pid integer, role_name text, state text, since timestamptz)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  blocker record;
begin
  for blocker in
    select a.pid, a.usename::text as role_name, a.state, a.xact_start as since
    from pg_stat_activity a join pg_roles r on r.oid = a.usesysid
    where a.pid = any (pg_blocking_pids(waiting_pid))
      and a.backend_type = 'client backend'
      and a.usename <> session_user and not r.rolsuper
      and exists (
        select from pg_stat_activity w where w.pid = waiting_pid and w.usename = session_user
      )
    order by a.xact_start
  loop
    if pg_terminate_backend(blocker.pid) then
      pid := blocker.pid;
      role_name := blocker.role_name;
      state := blocker.state;
      since := blocker.since;
      return next;
    end if;
  end loop;
end $$;
comment on function predictions.end_blockers(integer) is
  'Ends the readers that a waiting session of the pipeline waits for; called by publications.';
alter function predictions.end_blockers(integer) owner to blocker_ender;
revoke create on schema predictions from blocker_ender;
revoke all on function predictions.end_blockers(integer) from public;
grant execute on function predictions.end_blockers(integer) to pipeline;
