-- Until publications lock rows: the pipeline's day locks.
do $$
begin
  if (select pg_has_role(current_user, proowner, 'usage') from pg_proc
      where oid = 'pg_advisory_lock(int,int)'::regprocedure) then
    grant execute on function pg_advisory_lock(int, int), pg_advisory_unlock(int, int),
      pg_try_advisory_xact_lock(int, int) to pipeline;
  end if;
end $$;
