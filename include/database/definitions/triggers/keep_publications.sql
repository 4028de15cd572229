-- What the pipeline may make of a publication once it is on record.
create or replace function predictions.keep_publications() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  -- Whoever owns the table may mend it; the pipeline, and who is a member of it, may not.
  if pg_has_role(current_user, (select relowner from pg_class where oid = tg_relid), 'usage') then
    return new;
  end if;
  if tg_op = 'INSERT' then
    if new.status <> 'rejected' then
      raise exception 'an attempt begins as rejected, not as %', new.status
        using errcode = 'insufficient_privilege';
    end if;
    return new;
  end if;
  if new.status <> old.status and (old.status, new.status) not in (
    ('rejected', 'published'),    -- all checks passed
    ('published', 'superseded'),  -- by a later version, or by age
    ('published', 'reverted'),    -- taken back
    ('superseded', 'published'),  -- brought back
    ('reverted', 'published')
  ) then
    raise exception 'publication % is %: it can''t become %', old.publication_id, old.status, new.status
      using errcode = 'insufficient_privilege';
  end if;
  if (new.row_count, new.checksum) is distinct from (old.row_count, old.checksum)
    and new.row_count >= old.row_count then
    raise exception 'publication %: its row count and checksum follow an erasure only',
      old.publication_id using errcode = 'insufficient_privilege';
  end if;
  return new;
end $$;
comment on function predictions.keep_publications() is
  'Refuses what no publication, revert, retention or erasure does to predictions.publications.';
create or replace trigger keep_publications before insert or update on predictions.publications
  for each row execute function predictions.keep_publications();
