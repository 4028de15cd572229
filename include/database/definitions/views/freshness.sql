-- Is today's table final, and if not, why? One row, always.
drop view if exists predictions.freshness;
create view predictions.freshness as
with due as (
  select time_zone, (now() at time zone time_zone)::date as today,
    ((now() at time zone time_zone) - make_interval(hours => due_after_hours))::date - 1
      as expected_date
  from predictions.service_level
),
newest as (
  select score_date, publication_id, published_at from predictions.publications
  where status = 'published' order by score_date desc limit 1
),
expected as (
  select p.publication_id, p.score_date from predictions.publications p
  join due on p.score_date = due.expected_date where p.status = 'published'
),
-- Mailing teams need the contacts of the same day.
contacts as (
  select count(*) > 0 as are_loaded from analytics.ingest_accounting a
  join due on a.ingest_date = due.expected_date where a.table_name = 'contacts'
),
-- Its scores were made from something that changed since.
stale as (
  select s.because_table, s.because_date from analytics.stale_partitions s
  join due on s.partition_date = due.expected_date
  where s.table_name = 'scores.campaign_propensity'
),
-- Of the attempts that made the day's partitions, what an audit warned of.
warned as (
  select count(*) as warnings,
    min(format('%s, %s: %s', q.table_name, q.column_name, q.observed)) as first_warning
  from analytics.quality_results q
  where not q.success and q.severity = 'warning' and q.attempt in (
    select l.attempt from analytics.lake_partitions l
    join due on l.partition_date = due.expected_date
  )
),
-- Scoring waits for features, so as long as these are missing the lake is what to look at.
stage as (
  select expected_date, case when exists (
    select from analytics.lake_partitions
    where table_name = 'features.user' and partition_date = expected_date
      and state = 'committed'
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
  newest.published_at,
  now() - ((newest.score_date + 1)::timestamp at time zone due.time_zone) as age,
  due.expected_date,
  expected.publication_id is not null and newest.score_date < due.today
    as is_newest_expected,
  case
    when newest.score_date >= due.today then
      format('the newest published day, %s, is not over yet: withdraw it (revert_publication)',
        newest.score_date)
    when expected.publication_id is not null and held.revert_id is not null then
      format('%s is published, as an earlier version (publication %s) that %s went back to: %s',
        due.expected_date, expected.publication_id, held.reverted_by, held.reason)
    when expected.publication_id is not null and not contacts.are_loaded then
      format('%s is published, but its contacts are not loaded: the audience is empty until '
        'lake_daily.contacts of %s is done', due.expected_date, due.expected_date)
    when expected.publication_id is not null and stale.because_table is not null then
      format('%s is published, but %s of %s changed since it was made: trigger refresh',
        due.expected_date, stale.because_table, stale.because_date)
    when expected.publication_id is not null and warned.warnings > 0 then
      format('%s is published, with %s warnings of its audits: %s', due.expected_date,
        warned.warnings, warned.first_warning)
    when expected.publication_id is not null then 'the newest expected day is published'
    else case when newest.score_date > due.expected_date then
      format('%s is missing, although %s is published: ', due.expected_date, newest.score_date)
      else '' end || case
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
    end
  end as reason
from due cross join stage
left join newest on true
left join expected on true
cross join contacts
cross join warned
left join stale on true
left join problem on true
left join held on true;
comment on view predictions.freshness is
  'One row: the newest complete day, whether it is the newest expected, and if not, why.';
comment on column predictions.freshness.newest_date is 'Newest published day; null: none yet.';
comment on column predictions.freshness.publication_id is 'Its publication.';
comment on column predictions.freshness.published_at is 'Since when readers can see it.';
comment on column predictions.freshness.age is 'Time since the end of that day.';
comment on column predictions.freshness.expected_date is
  'Newest day that is due by now (predictions.service_level).';
comment on column predictions.freshness.is_newest_expected is
  'Whether the expected day is published, and no day that isn''t over yet.';
comment on column predictions.freshness.reason is 'In words: what is there, or which task failed or is late.';
