-- Before a downgrade: takes everything of this folder away again, but for the roles.
drop view if exists predictions.freshness, marketing.campaign_audience, analytics.stale_partitions;
drop function if exists pii.log_audience_access(), predictions.end_blockers(integer);
-- With their triggers.
drop function if exists predictions.refuse_drop_owned(), predictions.keep_publications(),
  predictions.keep_reverts(), predictions.keep_campaign_contacts(), pii.keep_erasures(),
  analytics.keep_model_decisions() cascade;
do $$
begin
  execute format('alter database %I reset log_min_messages', current_database());
  execute format('alter database %I reset log_error_verbosity', current_database());
  execute format('alter database %I reset log_parameter_max_length', current_database());
  execute format('alter database %I reset log_parameter_max_length_on_error', current_database());
exception when insufficient_privilege then
  null;  -- then they were never set
end $$;
do $$
declare
  name text;
  shape record;
  routine regprocedure;
begin
  for routine in
    select p.oid from pg_proc p where p.pronamespace = to_regnamespace('marketing')
  loop
    execute format('drop function %s', routine);
  end loop;
  for shape in
    select c.oid::regclass as name from pg_class c
    where c.oid in (to_regclass('predictions.campaign_propensity'),
                    to_regclass('predictions.campaign_contacts'),
                    to_regclass('predictions.audience_reservations'))
  loop
    execute format('alter table %s disable row level security', shape.name);
  end loop;
  foreach name in array array['pipeline', 'audience_owner'] loop
    if exists (select from pg_roles where rolname = name) then
      execute format('reassign owned by %I to current_user', name);
    end if;
  end loop;
  foreach name in array array['pipeline', 'analyst', 'marketing', 'audience_readers',
                              'audience_owner', 'blocker_ender'] loop
    if exists (select from pg_roles where rolname = name) then
      execute format('drop owned by %I', name);
    end if;
  end loop;
end $$;
drop view if exists predictions.latest_campaign_propensity;
create view predictions.latest_campaign_propensity as
select * from predictions.campaign_propensity
where score_date = (
  select max(score_date) from predictions.publications where status = 'published'
);
comment on view predictions.latest_campaign_propensity is 'The newest published day.';
