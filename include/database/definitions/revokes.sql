-- What every role may do unless it is taken away, and nobody here needs. Run in each database of ours:
-- what stands in pg_catalog belongs to one database.
--
--   advisory locks          the key of a migration's lock is no secret: whoever holds it stops set-up
--   large objects           29 kB of addresses went through them to a role that may read none
--   pg_notify               wakes whoever listens (the command NOTIFY can't be taken away)
--   pg_logical_emit_message writes WAL, as much as one likes, into the disk that everybody needs
--   postgres, template1     databases to sit and to make temporary tables in
--
-- A superuser's to do: who isn't one does what they can, and `server.py` says what stays open.
do $$
declare
  routine text;
  other text;
begin
  for routine in
    select format('pg_catalog.%I(%s)', p.proname, pg_get_function_identity_arguments(p.oid))
    from pg_proc p
    where p.pronamespace = 'pg_catalog'::regnamespace
      and (p.proname ~ '^(pg_advisory_|pg_try_advisory_|lo_)'
           or p.proname in ('loread', 'lowrite', 'pg_notify', 'pg_logical_emit_message'))
      and has_function_privilege('public', p.oid, 'execute')
      and pg_has_role(current_user, p.proowner, 'usage')
  loop
    execute format('revoke execute on function %s from public', routine);
  end loop;
  -- Who owns the database migrates it under such a lock, and Airflow's schedulers keep apart by them.
  for routine in
    select format('%s to %I', p.oid::regprocedure, pg_get_userbyid(d.datdba))
    from pg_proc p join pg_database d on d.datname = current_database()
    where p.pronamespace = 'pg_catalog'::regnamespace
      and p.proname ~ '^(pg_advisory_|pg_try_advisory_)'
      and not has_function_privilege(d.datdba, p.oid, 'execute')
      and pg_has_role(current_user, p.proowner, 'usage')
  loop
    execute format('grant execute on function %s', routine);
  end loop;
  for other in
    select d.datname from pg_database d
    where d.datname in ('postgres', 'template0', 'template1')
      and (has_database_privilege('public', d.oid, 'connect')
           or has_database_privilege('public', d.oid, 'temporary'))
      and pg_has_role(current_user, d.datdba, 'usage')
  loop
    execute format('revoke connect, temporary on database %I from public', other);
  end loop;
end $$;
