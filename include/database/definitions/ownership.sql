-- To be given a table, view or function, one must be allowed to make one there (unless a superuser gives).
grant usage, create on schema predictions to pipeline;
grant usage, create on schema marketing, pii to audience_owner;
-- Publishing attaches and detaches partitions, which only an owner may.
do $$
declare
  old record;
begin
  for old in
    select c.oid::regclass as name from pg_class c
    where c.relnamespace = 'predictions'::regnamespace and c.relkind in ('r', 'p')
      and (c.relname = 'campaign_propensity' or c.relname ~ '^publication_[0-9]+$')
  loop
    execute format('alter table %s owner to pipeline', old.name);
  end loop;
end $$;
