-- Is today's table final, and if not, why? One row, always.
drop view if exists predictions.freshness;
create view predictions.freshness as
with due as (
  select ((now() at time zone 'utc') - make_interval(hours => due_after_hours))::date - 1
    as expected_date
  from predictions.service_level
),
newest as (
  select score_date, publication_id, created_at from predictions.publications
  where status = 'published' order by score_date desc limit 1
),
-- Scoring waits for features, so as long as these are missing the lake is what to look at.
stage as (
  select expected_date, case when exists (
    select from analytics.lake_partitions
    where table_name = 'features.user' and partition_date = expected_date
  ) then 'score_daily' else 'lake_daily' end as dag_id
  from due
),
problem as (
  select t.*,
    t.task_id || case when t.map_index < 0 then '' else '[' || t.map_index || ']' end as task
  from analytics.task_states t join stage s
    on t.dag_id = s.dag_id and t.data_day = s.expected_date
  order by t.state = 'failed' desc, t.changed_at desc limit 1
),
held as (
  select r.* from predictions.reverts r join due on r.score_date = due.expected_date
  where r.is_holding order by r.revert_id desc limit 1
)
select
  newest.score_date as newest_date,
  newest.publication_id,
  newest.created_at as published_at,
  now() - ((newest.score_date + 1)::timestamp at time zone 'utc') as age,
  due.expected_date,
  coalesce(newest.score_date >= due.expected_date, false) as is_newest_expected,
  case
    when newest.score_date >= due.expected_date then 'the newest expected day is published'
    when held.revert_id is not null and held.to_publication_id is null then
      format('%s was withdrawn by %s: %s', due.expected_date, held.reverted_by, held.reason)
    when problem.state = 'failed' then
      format('%s.%s of %s failed at %s UTC: %s', problem.dag_id, problem.task, problem.data_day,
        to_char(problem.changed_at at time zone 'utc', 'YYYY-MM-DD HH24:MI'), problem.detail)
    when problem.state = 'retrying' then
      format('%s.%s of %s failed at %s UTC and will be tried again: %s', problem.dag_id,
        problem.task, problem.data_day,
        to_char(problem.changed_at at time zone 'utc', 'YYYY-MM-DD HH24:MI'), problem.detail)
    when problem.state = 'waiting' then
      format('%s.%s of %s is late, it waits since %s UTC: %s', problem.dag_id, problem.task,
        problem.data_day,
        to_char(problem.changed_at at time zone 'utc', 'YYYY-MM-DD HH24:MI'), problem.detail)
    when problem.state = 'running' then
      format('%s of %s is late, its newest task %s started at %s UTC', problem.dag_id,
        problem.data_day, problem.task,
        to_char(problem.changed_at at time zone 'utc', 'YYYY-MM-DD HH24:MI'))
    else format('%s of %s has not started: is Airflow running?', stage.dag_id, due.expected_date)
  end as reason
from due cross join stage
left join newest on true
left join problem on true
left join held on true;
comment on view predictions.freshness is
  'One row: the newest complete day, whether it is the newest expected, and if not, why.';
comment on column predictions.freshness.newest_date is 'Newest published day; null: none yet.';
comment on column predictions.freshness.publication_id is 'Its publication.';
comment on column predictions.freshness.published_at is 'When it was published.';
comment on column predictions.freshness.age is 'Time since the end of that day (UTC).';
comment on column predictions.freshness.expected_date is
  'Newest day that is due by now (predictions.service_level).';
comment on column predictions.freshness.is_newest_expected is 'Whether today''s table is final.';
comment on column predictions.freshness.reason is 'In words: which task failed or is late.';
