drop schema marketing;
drop table analytics.campaign_cohorts, analytics.campaign_uplift, analytics.task_states,
  pii.audience_access, pii.erasures, predictions.campaign_contacts, predictions.campaigns,
  predictions.reverts, predictions.service_level;
alter table predictions.campaign_propensity drop constraint pk_campaign_propensity;
drop index predictions.ix_campaign_propensity_rank;
drop index predictions.ix_campaign_propensity_score;
alter table predictions.campaign_propensity add constraint pk_campaign_propensity
  primary key (score_date, campaign_id, user_id);
create index ix_campaign_propensity_best on predictions.campaign_propensity (campaign_id, rank);
create index ix_campaign_propensity_user on predictions.campaign_propensity (user_id);
alter table analytics.ingest_accounting drop constraint ck_ingest_accounting_adds_up;
-- The revision before knows no erased rows: they count as rejected there.
update analytics.ingest_accounting set rejected = rejected + erased;
alter table analytics.ingest_accounting drop column erased;
alter table analytics.ingest_accounting add constraint ck_ingest_accounting_adds_up
  check (landed = accepted + rejected + duplicate);
comment on table analytics.ingest_accounting is
  'landed = accepted + rejected + duplicate, every day.';
