-- Tables around the prediction table, and its indexes: a user's scores over many days are found by
-- the primary key, the best of a campaign by rank and by score.
create schema marketing;

alter table analytics.ingest_accounting add column erased bigint not null default 0;
comment on column analytics.ingest_accounting.erased is 'Rows of users who asked to be erased.';
comment on table analytics.ingest_accounting is
  'landed = accepted + rejected + duplicate + erased, every day.';
alter table analytics.ingest_accounting drop constraint ck_ingest_accounting_adds_up;
alter table analytics.ingest_accounting add constraint ck_ingest_accounting_adds_up
  check (landed = accepted + rejected + duplicate + erased);

alter table predictions.campaign_propensity drop constraint pk_campaign_propensity;
drop index predictions.ix_campaign_propensity_best;
drop index predictions.ix_campaign_propensity_user;
alter table predictions.campaign_propensity add constraint pk_campaign_propensity
  primary key (user_id, campaign_id, score_date);
create index ix_campaign_propensity_rank on predictions.campaign_propensity (campaign_id, rank);
create index ix_campaign_propensity_score
  on predictions.campaign_propensity (campaign_id, score desc);
comment on column predictions.campaign_propensity.campaign_id is
  'The campaign.';
comment on column predictions.campaign_propensity.user_id is
  'The user.';
comment on column predictions.campaign_propensity.score is
  'Probability that the user reacts within the campaign''s horizon. Range 0-1.';
comment on column predictions.campaign_propensity.rank is
  'Place of the user within the campaign, best first; ties by user_id.';
comment on column predictions.campaign_propensity.decile is
  'Tenth of the ranking, 1 the best.';
comment on column predictions.campaign_propensity.arm is
  '`treatment` or `control`: control users are not to be mailed, they measure the effect.';
comment on column predictions.campaign_propensity.model_version is
  'Version of the model in the registry that gave the score.';
comment on column predictions.campaign_propensity.score_date is
  'Scored as of the end of this day (UTC).';
-- Superseded versions are detached: they must be able to come back.
do $$
declare
  old record;
begin
  for old in
    select c.oid::regclass as name, k.conname
    from pg_class c join pg_constraint k on k.conrelid = c.oid and k.contype = 'p'
    where c.relnamespace = 'predictions'::regnamespace and c.relname ~ '^publication_[0-9]+$'
      and not c.relispartition
  loop
    execute format('alter table %s drop constraint %I', old.name, old.conname);
    execute format('alter table %s add primary key (user_id, campaign_id, score_date)', old.name);
    -- Else attaching would build them, with readers waiting.
    execute format('create index on %s (campaign_id, rank)', old.name);
    execute format('create index on %s (campaign_id, score desc)', old.name);
  end loop;
end $$;

create table analytics.campaign_cohorts (
  campaign_id TEXT NOT NULL,
  send_date DATE NOT NULL,
  user_id BIGINT NOT NULL,
  arm TEXT NOT NULL,
  CONSTRAINT pk_campaign_cohorts PRIMARY KEY (campaign_id, send_date, user_id)
);
comment on TABLE analytics.campaign_cohorts IS 'Users whose reactions to a mail are compared.';
comment on COLUMN analytics.campaign_cohorts.campaign_id IS 'The campaign.';
comment on COLUMN analytics.campaign_cohorts.send_date IS 'Day of the mail (UTC).';
comment on COLUMN analytics.campaign_cohorts.user_id IS 'The user.';
comment on COLUMN analytics.campaign_cohorts.arm IS 'treatment: was mailed; control: would have been, had they not been in control.';

create table analytics.campaign_uplift (
  campaign_id TEXT NOT NULL,
  send_date DATE NOT NULL,
  horizon_days INTEGER NOT NULL,
  treatment_users BIGINT NOT NULL,
  treatment_positives BIGINT NOT NULL,
  control_users BIGINT NOT NULL,
  control_positives BIGINT NOT NULL,
  treatment_rate DOUBLE PRECISION,
  control_rate DOUBLE PRECISION,
  difference DOUBLE PRECISION,
  difference_low DOUBLE PRECISION,
  difference_high DOUBLE PRECISION,
  number_needed_to_mail DOUBLE PRECISION,
  measured_through DATE NOT NULL,
  measured_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT pk_campaign_uplift PRIMARY KEY (campaign_id, send_date)
);
comment on TABLE analytics.campaign_uplift IS 'Effect of each mail, once its window is complete.';
comment on COLUMN analytics.campaign_uplift.campaign_id IS 'The campaign.';
comment on COLUMN analytics.campaign_uplift.send_date IS 'Day of the mail (UTC).';
comment on COLUMN analytics.campaign_uplift.horizon_days IS 'Reactions from send_date on count, for this many days.';
comment on COLUMN analytics.campaign_uplift.treatment_users IS 'Users mailed.';
comment on COLUMN analytics.campaign_uplift.treatment_positives IS 'Of whom reacted.';
comment on COLUMN analytics.campaign_uplift.control_users IS 'Control users who would have been mailed.';
comment on COLUMN analytics.campaign_uplift.control_positives IS 'Of whom reacted.';
comment on COLUMN analytics.campaign_uplift.treatment_rate IS 'Share that reacted, 0-1.';
comment on COLUMN analytics.campaign_uplift.control_rate IS 'Share that reacted, 0-1.';
comment on COLUMN analytics.campaign_uplift.difference IS 'treatment_rate - control_rate; null without users in both.';
comment on COLUMN analytics.campaign_uplift.difference_low IS 'Lower end of its 95 % interval (Newcombe).';
comment on COLUMN analytics.campaign_uplift.difference_high IS 'Upper end of its 95 % interval (Newcombe).';
comment on COLUMN analytics.campaign_uplift.number_needed_to_mail IS 'Mails for one more reaction: 1 / difference; null where that isn''t above 0.';
comment on COLUMN analytics.campaign_uplift.measured_through IS 'Last day of data it rests on.';
comment on COLUMN analytics.campaign_uplift.measured_at IS 'When it was computed.';

create table analytics.task_states (
  dag_id TEXT NOT NULL,
  data_day DATE NOT NULL,
  task_id TEXT NOT NULL,
  state TEXT NOT NULL,
  detail TEXT NOT NULL,
  changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT pk_task_states PRIMARY KEY (dag_id, data_day, task_id),
  CONSTRAINT ck_task_states_state CHECK (state in ('running', 'waiting', 'retrying', 'failed'))
);
comment on TABLE analytics.task_states IS 'Newest state of each task of a data day.';
comment on COLUMN analytics.task_states.dag_id IS 'The DAG.';
comment on COLUMN analytics.task_states.data_day IS 'The day it works on.';
comment on COLUMN analytics.task_states.task_id IS 'The task.';
comment on COLUMN analytics.task_states.state IS 'running, waiting, retrying or failed.';
comment on COLUMN analytics.task_states.detail IS 'What it waits for, or why it failed.';
comment on COLUMN analytics.task_states.changed_at IS 'Since when.';

create table pii.audience_access (
  access_id BIGINT GENERATED ALWAYS AS IDENTITY,
  accessed_at TIMESTAMP WITH TIME ZONE NOT NULL,
  role_name TEXT NOT NULL,
  effective_role TEXT NOT NULL,
  client TEXT NOT NULL,
  CONSTRAINT pk_audience_access PRIMARY KEY (access_id)
);
comment on TABLE pii.audience_access IS 'Who read addresses, and when. Readers can''t change it.';
comment on COLUMN pii.audience_access.access_id IS 'Number; a gap is a read whose transaction was rolled back (see the server log).';
comment on COLUMN pii.audience_access.accessed_at IS 'When.';
comment on COLUMN pii.audience_access.role_name IS 'Role that logged in.';
comment on COLUMN pii.audience_access.effective_role IS 'Role it acted as.';
comment on COLUMN pii.audience_access.client IS 'Address and name of the client.';

create table pii.erasures (
  user_id BIGSERIAL NOT NULL,
  requested_by TEXT NOT NULL,
  requested_at TIMESTAMP WITH TIME ZONE NOT NULL,
  finished_at TIMESTAMP WITH TIME ZONE,
  report JSONB NOT NULL,
  CONSTRAINT pk_erasures PRIMARY KEY (user_id)
);
comment on TABLE pii.erasures IS 'Users who were erased, and what was removed where.';
comment on COLUMN pii.erasures.user_id IS 'Who was erased: kept to keep them out.';
comment on COLUMN pii.erasures.requested_by IS 'Who asked for it.';
comment on COLUMN pii.erasures.requested_at IS 'When, last.';
comment on COLUMN pii.erasures.finished_at IS 'When the last row was gone; null: not finished.';
comment on COLUMN pii.erasures.report IS 'Rows and files removed, by place.';

create table predictions.campaign_contacts (
  campaign_id TEXT NOT NULL,
  send_date DATE NOT NULL,
  user_id BIGINT NOT NULL,
  score_date DATE NOT NULL,
  recorded_by TEXT DEFAULT SESSION_USER NOT NULL,
  recorded_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  CONSTRAINT pk_campaign_contacts PRIMARY KEY (campaign_id, send_date, user_id)
);
create index ix_campaign_contacts_user ON predictions.campaign_contacts (user_id, campaign_id);
comment on TABLE predictions.campaign_contacts IS 'Whom the mailing team mailed. They write it.';
comment on COLUMN predictions.campaign_contacts.campaign_id IS 'The campaign.';
comment on COLUMN predictions.campaign_contacts.send_date IS 'Day of the mail (UTC).';
comment on COLUMN predictions.campaign_contacts.user_id IS 'Who was mailed.';
comment on COLUMN predictions.campaign_contacts.score_date IS 'The day whose scores chose the user, from the audience.';
comment on COLUMN predictions.campaign_contacts.recorded_by IS 'Database role that recorded it.';
comment on COLUMN predictions.campaign_contacts.recorded_at IS 'When it was recorded.';

create table predictions.campaigns (
  campaign_id TEXT NOT NULL,
  category TEXT NOT NULL,
  positive_event_types TEXT NOT NULL,
  horizon_days INTEGER NOT NULL,
  holdout_share DOUBLE PRECISION NOT NULL,
  cooldown_days INTEGER NOT NULL,
  owner_role TEXT NOT NULL,
  is_active BOOLEAN NOT NULL,
  CONSTRAINT pk_campaigns PRIMARY KEY (campaign_id)
);
comment on TABLE predictions.campaigns IS 'The campaigns, copied from campaigns.yaml.';
comment on COLUMN predictions.campaigns.campaign_id IS 'The campaign.';
comment on COLUMN predictions.campaigns.category IS 'Category of listings that it is about.';
comment on COLUMN predictions.campaigns.positive_event_types IS 'Events that count as a reaction, with commas between.';
comment on COLUMN predictions.campaigns.horizon_days IS 'A reaction counts within this many days.';
comment on COLUMN predictions.campaigns.holdout_share IS 'Share of users in control, 0-1.';
comment on COLUMN predictions.campaigns.cooldown_days IS 'Whoever was mailed within this many days isn''t in the audience.';
comment on COLUMN predictions.campaigns.owner_role IS 'Database role whose members see the audience.';
comment on COLUMN predictions.campaigns.is_active IS 'Whether users are scored for it.';

create table predictions.reverts (
  revert_id BIGINT GENERATED ALWAYS AS IDENTITY,
  score_date DATE NOT NULL,
  from_publication_id BIGINT,
  to_publication_id BIGINT,
  reason TEXT NOT NULL,
  reverted_by TEXT NOT NULL,
  reverted_at TIMESTAMP WITH TIME ZONE NOT NULL,
  is_holding BOOLEAN NOT NULL,
  CONSTRAINT pk_reverts PRIMARY KEY (revert_id)
);
create index ix_reverts_holding ON predictions.reverts (score_date) WHERE is_holding;
comment on TABLE predictions.reverts IS 'Who took which publication back, and why.';
comment on COLUMN predictions.reverts.revert_id IS 'Number of the revert.';
comment on COLUMN predictions.reverts.score_date IS 'The day.';
comment on COLUMN predictions.reverts.from_publication_id IS 'What was visible before; null: nothing was.';
comment on COLUMN predictions.reverts.to_publication_id IS 'What is visible since; null: the day was withdrawn.';
comment on COLUMN predictions.reverts.reason IS 'Why.';
comment on COLUMN predictions.reverts.reverted_by IS 'Who asked for it.';
comment on COLUMN predictions.reverts.reverted_at IS 'When.';
comment on COLUMN predictions.reverts.is_holding IS 'Whether reruns of the day are refused because of it.';

create table predictions.service_level (
  is_only_row BOOLEAN DEFAULT true NOT NULL,
  due_after_hours INTEGER NOT NULL,
  CONSTRAINT pk_service_level PRIMARY KEY (is_only_row),
  CONSTRAINT ck_service_level_one_row CHECK (is_only_row)
);
comment on TABLE predictions.service_level IS 'When predictions are due; from warehouse.yaml.';
comment on COLUMN predictions.service_level.is_only_row IS 'Always true: there is one row.';
comment on COLUMN predictions.service_level.due_after_hours IS 'Scores of a day are due this many hours after its end (UTC).';

insert into predictions.service_level (due_after_hours) values (6);
