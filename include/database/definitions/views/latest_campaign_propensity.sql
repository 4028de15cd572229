-- Each publication writes this view anew with its day as a constant: with a subquery in its place,
-- the planner would prepare an index scan of every day that was ever published.
-- Nobody publishes between the question and the view.
select from predictions.publication_locks where lock_name = 'exchange' for update;
drop view if exists predictions.latest_campaign_propensity;
do $$
declare
  newest date := (select max(score_date) from predictions.publications where status = 'published');
begin
  execute format(
    'create view predictions.latest_campaign_propensity as '
    'select * from predictions.campaign_propensity where score_date = %L::date',
    coalesce(newest, '-infinity'::date)
  );
end $$;
alter view predictions.latest_campaign_propensity owner to pipeline;
comment on view predictions.latest_campaign_propensity is 'The newest published day.';
do $$
declare
  col record;
begin
  for col in
    select attname, col_description(attrelid, attnum) as says from pg_attribute
    where attrelid = 'predictions.campaign_propensity'::regclass and attnum > 0
  loop
    execute format('comment on column predictions.latest_campaign_propensity.%I is %L',
      col.attname, col.says);
  end loop;
end $$;
