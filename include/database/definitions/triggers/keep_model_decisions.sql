-- Once a candidate was promoted, what was known of it then stays; the answer may change.
create or replace function analytics.keep_model_decisions() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  -- Whoever owns the table may mend it; the pipeline, and who is a member of it, may not.
  if pg_has_role(current_user, (select relowner from pg_class where oid = tg_relid), 'usage') then
    return new;
  end if;
  if to_jsonb(new) - array['outcome', 'decided_by', 'decided_at']
      <> to_jsonb(old) - array['outcome', 'decided_by', 'decided_at']
    or new.outcome not in ('promoted', 'declined') then
    raise exception 'the training run % promoted version %: what that rested on stays',
      old.training_run, old.model_version using errcode = 'insufficient_privilege';
  end if;
  return new;
end $$;
comment on function analytics.keep_model_decisions() is
  'Refuses to rewrite what a decision about a model rested on.';
create or replace trigger keep_model_decisions before update on analytics.model_decisions
  for each row when (old.outcome = 'promoted')
  execute function analytics.keep_model_decisions();
