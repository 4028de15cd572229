-- DROP OWNED BY a group takes all rights of the group and its policies away, and every member of it
-- may say so: one analyst could leave all of them without a row. Only who owns the database may.
-- Only a superuser can make an event trigger.
create or replace function predictions.refuse_drop_owned() returns event_trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if pg_has_role(session_user,
      (select datdba from pg_database where datname = current_database()), 'usage') then
    return;
  end if;
  raise exception 'DROP OWNED would take rights from all members of a role: nothing was changed'
    using errcode = 'insufficient_privilege';
end $$;
comment on function predictions.refuse_drop_owned() is
  'Refuses DROP OWNED to everybody but the owner of the database.';
do $$
begin
  drop event trigger if exists refuse_drop_owned;
  create event trigger refuse_drop_owned on ddl_command_start when tag in ('DROP OWNED')
    execute function predictions.refuse_drop_owned();
exception when insufficient_privilege then
  raise warning 'any reader may take the rights of all readers away (drop owned by analyst): as a '
    'superuser, run include/database/definitions/triggers/refuse_drop_owned.sql';
end $$;
