-- A revert holds until it is released, and stays on record.
create or replace function predictions.keep_reverts() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  -- Whoever owns the table may mend it; the pipeline, and who is a member of it, may not.
  if pg_has_role(current_user, (select relowner from pg_class where oid = tg_relid), 'usage') then
    return new;
  end if;
  raise exception 'revert % was released: it can''t hold again, make another', old.revert_id
    using errcode = 'insufficient_privilege';
end $$;
comment on function predictions.keep_reverts() is 'Refuses to let a released revert hold again.';
create or replace trigger keep_reverts before update on predictions.reverts
  for each row when (new.is_holding and not old.is_holding)
  execute function predictions.keep_reverts();
