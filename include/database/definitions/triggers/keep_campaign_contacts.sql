-- The pipeline takes erased users out of the record of mails, and nobody else.
create or replace function predictions.keep_campaign_contacts() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  -- Whoever owns the table may mend it; the pipeline, and who is a member of it, may not.
  if pg_has_role(current_user, (select relowner from pg_class where oid = tg_relid), 'usage') then
    return old;
  end if;
  if not exists (select from pii.erasures e where e.user_id = old.user_id) then
    raise exception 'user % is not in pii.erasures: the record of their mail stays', old.user_id
      using errcode = 'insufficient_privilege';
  end if;
  return old;
end $$;
comment on function predictions.keep_campaign_contacts() is
  'Refuses to delete the record of a mail unless the user is being erased.';
create or replace trigger keep_campaign_contacts before delete on predictions.campaign_contacts
  for each row
  execute function predictions.keep_campaign_contacts();
