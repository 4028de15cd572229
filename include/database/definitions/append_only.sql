-- Tables that are a record: the pipeline adds rows and changes the columns named here; triggers/ say
-- from what to what. It deletes none, but for the mails of users who are being erased.
do $$
declare
  rule record;
  addable text;
  changeable text;
begin
  for rule in
    select * from (values
      ('analytics.champions', array[]::text[]),
      ('analytics.model_decisions', array(
        select attname::text from pg_attribute where attrelid = 'analytics.model_decisions'::regclass
          and attnum > 0 and not attisdropped and attname <> 'training_run')),
      ('predictions.publications',
        array['status', 'reason', 'row_count', 'checksum', 'published_at']),
      ('predictions.reverts', array['is_holding']),
      ('pii.erasures', array['requested_by', 'requested_at', 'finished_at', 'report'])
    ) as rules (table_name, columns)
  loop
    -- Numbers come from the database: nobody slips a row in between two others.
    select string_agg(format('%I', attname), ', ') filter (where attidentity = ''),
      string_agg(format('%I', attname), ', ') filter (where attname = any (rule.columns))
    into addable, changeable
    from pg_attribute
    where attrelid = rule.table_name::regclass and attnum > 0 and not attisdropped;
    execute format('revoke all on %s from pipeline', rule.table_name);
    execute format('grant select, insert (%s) on %s to pipeline', addable, rule.table_name);
    if changeable is not null then
      execute format('grant update (%s) on %s to pipeline', changeable, rule.table_name);
    end if;
  end loop;
end $$;
revoke all on predictions.campaign_contacts from pipeline;
grant select, delete on predictions.campaign_contacts to pipeline;
revoke all on pii.audience_access from pipeline;
grant select on pii.audience_access to pipeline;
