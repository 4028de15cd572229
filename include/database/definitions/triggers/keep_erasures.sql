-- Somebody may ask again; nobody can say that they never did, or did so earlier.
create or replace function pii.keep_erasures() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  -- Whoever owns the table may mend it; the pipeline, and who is a member of it, may not.
  if pg_has_role(current_user, (select relowner from pg_class where oid = tg_relid), 'usage') then
    return new;
  end if;
  raise exception 'the erasure of user % was asked for at %: that stays', old.user_id,
    old.requested_at using errcode = 'insufficient_privilege';
end $$;
comment on function pii.keep_erasures() is
  'Refuses to rewrite who asked for an erasure, but for a later request.';
create or replace trigger keep_erasures before update on pii.erasures
  for each row when (
    new.requested_at < old.requested_at
    or (new.requested_at = old.requested_at and new.requested_by <> old.requested_by)
  ) execute function pii.keep_erasures();
