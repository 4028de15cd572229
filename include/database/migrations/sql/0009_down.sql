-- Who took which addresses is a log; so is a comparison whose cohort nothing else holds.
do $$ begin
  if exists (select from predictions.audience_reservations where publication_id is not null) then
    raise exception 'teams have reserved audiences: going below 0009 would destroy the log of who took which addresses. Restore a backup from before instead';
  end if;
end $$;

drop index pii.ix_audience_access_role;
alter table pii.audience_access drop column reservation_id, drop column transaction_id;

alter table analytics.campaign_uplift drop constraint pk_campaign_uplift;
alter table analytics.campaign_uplift
  drop column reservation_id, drop column publication_id, drop column mailed_users,
  drop column treatment_erased, drop column control_erased;
alter table analytics.campaign_uplift add constraint pk_campaign_uplift
  primary key (campaign_id, send_date);

alter table analytics.campaign_cohorts drop constraint pk_campaign_cohorts;
drop index analytics.ix_campaign_cohorts_user;
alter table analytics.campaign_cohorts
  drop column reservation_id, drop column publication_id, drop column rank;
alter table analytics.campaign_cohorts add constraint pk_campaign_cohorts
  primary key (campaign_id, send_date, user_id);

alter table predictions.campaign_contacts drop constraint pk_campaign_contacts;
alter table predictions.campaign_contacts
  drop column reservation_id, drop column publication_id, drop column score, drop column rank,
  drop column confirmed_at, drop column confirmed_by, drop column given_back_at,
  drop column given_back_by;
alter table predictions.campaign_contacts add constraint pk_campaign_contacts
  primary key (campaign_id, send_date, user_id);

drop table marketing.reservation_locks, predictions.audience_reservations;

comment on table predictions.campaign_contacts is
  'Whom the mailing team mailed. They write it.';
comment on table analytics.campaign_cohorts is
  'Users whose reactions to a mail are compared.';
comment on table analytics.campaign_uplift is
  'Effect of each mail, once its window is complete.';
comment on table pii.audience_access is
  'Who read addresses, and when. Readers can''t change it.';
comment on column predictions.campaign_contacts.user_id is
  'Who was mailed.';
comment on column predictions.campaign_contacts.score_date is
  'The day whose scores chose the user, from the audience.';
comment on column predictions.campaign_contacts.recorded_by is
  'Database role that recorded it.';
comment on column predictions.campaign_contacts.recorded_at is
  'When it was recorded.';
comment on column analytics.campaign_cohorts.arm is
  'treatment: was mailed; control: would have been, had they not been in control.';
comment on column analytics.campaign_uplift.treatment_users is
  'Users mailed.';
comment on column analytics.campaign_uplift.number_needed_to_mail is
  'Mails for one more reaction: 1 / difference; null where that isn''t above 0.';
comment on column pii.audience_access.access_id is
  'Number; a gap is a read whose transaction was rolled back (see the server log).';
comment on column pii.audience_access.accessed_at is
  'When.';
