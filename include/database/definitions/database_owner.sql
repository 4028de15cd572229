-- Run in the databases of Airflow, the lake's catalog and MLflow: each is its own role's, with all that
-- an earlier version made there as the server's user. {owner} is that role.
revoke all on database {database} from public;
-- By name: whoever is let in on a reserved connection is no pg_database_owner for as long as it lasts,
-- because the server asks what they may before it knows which database they are in.
grant all on schema public to {owner};
do $$
declare
  thing record;
begin
  if not exists (select from pg_database where datname = current_database()
                 and datdba = to_regrole('{owner}')) then
    execute format('alter database %I owner to {owner}', current_database());
  end if;
  for thing in
    select c.oid::regclass as name,
      case c.relkind when 'v' then 'view' when 'm' then 'materialized view' when 'S' then 'sequence'
        else 'table' end as kind
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
      and c.relkind in ('r', 'p', 'v', 'm', 'S') and c.relowner <> to_regrole('{owner}')
      -- A column's own sequence goes where its table goes.
      and not exists (select from pg_depend d where d.objid = c.oid and d.deptype in ('a', 'i')
                      and d.classid = 'pg_class'::regclass)
  loop
    execute format('alter %s %s owner to {owner}', thing.kind, thing.name);
  end loop;
  for thing in
    select t.oid::regtype as name from pg_type t join pg_namespace n on n.oid = t.typnamespace
    where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
      and t.typtype in ('e', 'd') and t.typowner <> to_regrole('{owner}')
  loop
    execute format('alter type %s owner to {owner}', thing.name);
  end loop;
  for thing in
    select p.oid::regprocedure as name from pg_proc p join pg_namespace n on n.oid = p.pronamespace
    where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
      and p.proowner <> to_regrole('{owner}')
      and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e')
  loop
    execute format('alter routine %s owner to {owner}', thing.name);
  end loop;
end $$;
