-- Who may see what. Roles belong to the server and stay when this revision is undone.
--   pipeline         writes; the only one that reads pii
--   analyst          reads predictions and analytics
--   audience_readers mailing teams: the audience of their campaigns, and nothing else
--   marketing        the mailing team that owns what no other team does
--   audience_owner   owns the audience view: what the view may read, its readers may not
do $$
declare
  name text;
begin
  foreach name in array array['pipeline', 'analyst', 'marketing'] loop
    if not exists (select from pg_roles where rolname = name) then
      execute format('create role %I login', name);
    end if;
  end loop;
  foreach name in array array['audience_readers', 'audience_owner'] loop
    if not exists (select from pg_roles where rolname = name) then
      execute format('create role %I nologin', name);
    end if;
  end loop;
  -- Nobody gets in because they are somebody.
  execute format('revoke all on database %I from public', current_database());
  execute format('grant connect, temporary on database %I to pipeline, analyst', current_database());
  execute format('grant connect on database %I to audience_readers', current_database());
end $$;
grant audience_readers to marketing;
-- To hand tables over, one must be a member (a superuser is, of all).
grant pipeline, audience_owner to current_user;
revoke all on schema public from public;

-- A transaction that somebody left open over lunch would keep every publication waiting.
alter role analyst set idle_in_transaction_session_timeout = '10min';
alter role analyst set statement_timeout = '1h';
alter role marketing set idle_in_transaction_session_timeout = '10min';
alter role marketing set statement_timeout = '1h';

grant usage, create on schema predictions to pipeline;
grant usage on schema analytics, pii to pipeline;
grant select, insert, update, delete on all tables in schema predictions, analytics to pipeline;
grant select, insert, update, delete on pii.contacts, pii.erasures to pipeline;
grant select on pii.audience_access to pipeline;

grant usage on schema predictions, analytics to analyst;

-- Publishing attaches and detaches partitions, which only an owner may.
do $$
declare
  old record;
begin
  execute 'drop view predictions.latest_campaign_propensity';
  for old in
    select c.oid::regclass as name from pg_class c
    where c.relnamespace = 'predictions'::regnamespace and c.relkind in ('r', 'p')
      and (c.relname = 'campaign_propensity' or c.relname ~ '^publication_[0-9]+$')
  loop
    execute format('alter table %s owner to pipeline', old.name);
  end loop;
end $$;

-- Each publication writes this view anew with its day as a constant: with a subquery in its place,
-- the planner would prepare an index scan of every day that was ever published.
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

-- Partitions carry no grants: whoever names one directly is refused, so no policy is passed by.
revoke all on all tables in schema predictions from public;
grant select on predictions.campaign_propensity, predictions.latest_campaign_propensity,
  predictions.publications, predictions.campaigns, predictions.service_level, predictions.reverts,
  predictions.campaign_contacts to analyst;
grant select on all tables in schema analytics to analyst;

-- Mailing teams.
grant usage on schema predictions, marketing to audience_readers;
grant select on predictions.campaigns to audience_readers;
grant select, insert (campaign_id, send_date, user_id, score_date)
  on predictions.campaign_contacts to audience_readers;

grant usage on schema predictions, pii, marketing to audience_owner;
grant create on schema marketing, pii to audience_owner;
grant select on predictions.campaign_propensity, predictions.latest_campaign_propensity,
  predictions.campaigns, predictions.campaign_contacts to audience_owner;
grant select on pii.contacts to audience_owner;
grant insert on pii.audience_access to audience_owner;

-- Who reads addresses is written down. The row goes where the reader's transaction goes, so a
-- reader could roll it back: the line in the server's log stays, and so does the gap in access_id.
create function pii.log_audience_access() returns boolean
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  effective text := coalesce(nullif(current_setting('role'), 'none'), session_user);
  source text := concat_ws(' ', coalesce(host(inet_client_addr()), 'local'),
                           current_setting('application_name'));
begin
  raise log 'marketing.campaign_audience is read by % as % from %', session_user, effective, source;
  insert into pii.audience_access (accessed_at, role_name, effective_role, client)
  values (clock_timestamp(), session_user, effective, source);
  return true;
end $$;
comment on function pii.log_audience_access() is 'Writes down who reads addresses; called by the view.';
alter function pii.log_audience_access() owner to audience_owner;
revoke all on function pii.log_audience_access() from public;
-- To use the view, one must be allowed to run its function; to call it alone, to see its schema.
grant execute on function pii.log_audience_access() to audience_readers;

create view marketing.campaign_audience with (security_barrier = true) as
with access as materialized (select pii.log_audience_access() as is_logged)
select p.campaign_id, p.user_id, p.score, p.rank, c.email, c.phone, c.full_name,
  p.score_date, p.model_version
from predictions.campaign_propensity p
join predictions.campaigns k on k.campaign_id = p.campaign_id
join pii.contacts c on c.user_id = p.user_id
where (select is_logged from access)
  and p.score_date = (
    select max(score_date) from predictions.publications where status = 'published'
  )
  and k.is_active
  and p.arm = 'treatment'
  and c.marketing_consent
  and not exists (
    select from predictions.campaign_contacts mailed
    where mailed.campaign_id = p.campaign_id and mailed.user_id = p.user_id
      -- The earliest that anyone can be mailed by these scores is the day after them.
      and mailed.send_date > p.score_date + 1 - k.cooldown_days
  )
order by p.campaign_id, p.rank;
grant select on predictions.publications to audience_owner;
alter view marketing.campaign_audience owner to audience_owner;
comment on view marketing.campaign_audience is
  'Whom to mail by the newest scores: consenting, treatment arm, not mailed within the campaign''s cooldown_days, best first. Shows the campaigns of teams that the reader is a member of. Every read is written down.';
comment on column marketing.campaign_audience.campaign_id is 'The campaign.';
comment on column marketing.campaign_audience.user_id is 'The user.';
comment on column marketing.campaign_audience.score is 'Probability of a reaction, 0-1.';
comment on column marketing.campaign_audience.rank is
  'Place among all users of the campaign, 1 the best; whoever may not be mailed leaves a gap.';
comment on column marketing.campaign_audience.email is 'Address for mails; may be null.';
comment on column marketing.campaign_audience.phone is 'Phone number; may be null.';
comment on column marketing.campaign_audience.full_name is 'Name; may be null.';
comment on column marketing.campaign_audience.score_date is 'Scored as of the end of this day (UTC).';
comment on column marketing.campaign_audience.model_version is 'Version of the model.';
revoke all on marketing.campaign_audience from public;
grant select on marketing.campaign_audience to audience_readers;

-- A team sees its own campaigns. current_user is whoever asks, through the view as well.
alter table predictions.campaign_propensity enable row level security;
create policy everything_for_analysts on predictions.campaign_propensity
  for select to analyst using (true);
create policy own_campaigns_for_teams on predictions.campaign_propensity
  for select to audience_owner using (campaign_id = any (array(
    select c.campaign_id from predictions.campaigns c
    join pg_roles r on r.rolname = c.owner_role
    where pg_has_role(current_user, r.oid, 'member')
  )));

alter table predictions.campaign_contacts enable row level security;
create policy everything_for_the_pipeline on predictions.campaign_contacts
  to pipeline using (true) with check (true);
create policy everything_for_analysts on predictions.campaign_contacts
  for select to analyst using (true);
create policy everything_for_the_audience on predictions.campaign_contacts
  for select to audience_owner using (true);
create policy own_campaigns_for_teams on predictions.campaign_contacts
  to audience_readers
  using (campaign_id = any (array(
    select c.campaign_id from predictions.campaigns c
    join pg_roles r on r.rolname = c.owner_role
    where pg_has_role(current_user, r.oid, 'member')
  )));

-- Is today's table final, and if not, why? One row, always.
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
  select t.* from analytics.task_states t join stage s
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
      format('%s.%s of %s failed at %s UTC: %s', problem.dag_id, problem.task_id, problem.data_day,
        to_char(problem.changed_at at time zone 'utc', 'YYYY-MM-DD HH24:MI'), problem.detail)
    when problem.state = 'retrying' then
      format('%s.%s of %s failed at %s UTC and will be tried again: %s', problem.dag_id,
        problem.task_id, problem.data_day,
        to_char(problem.changed_at at time zone 'utc', 'YYYY-MM-DD HH24:MI'), problem.detail)
    when problem.state = 'waiting' then
      format('%s.%s of %s is late, it waits since %s UTC: %s', problem.dag_id, problem.task_id,
        problem.data_day,
        to_char(problem.changed_at at time zone 'utc', 'YYYY-MM-DD HH24:MI'), problem.detail)
    when problem.state = 'running' then
      format('%s of %s is late, its newest task %s started at %s UTC', problem.dag_id,
        problem.data_day, problem.task_id,
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
grant select on predictions.freshness to analyst, audience_readers, pipeline;

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
comment on schema predictions is 'Predictions and what belongs to them: for consumers.';
comment on schema analytics is 'What happened and how good it was: quality, models, uplift.';
comment on schema marketing is 'Whom to mail: for mailing teams.';
comment on schema pii is 'Personal data: for the pipeline only.';
