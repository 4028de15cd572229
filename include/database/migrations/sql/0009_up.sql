-- A reservation is what contacts, cohorts and uplift belong to from now on. What was recorded
-- before gets one a campaign and day of mailing, without a publication: its cohort was not frozen
-- in time, so what isn't measured yet never will be.
create table predictions.audience_reservations (
  reservation_id bigint generated always as identity,
  campaign_id text not null,
  send_date date not null,
  score_date date,
  publication_id bigint,
  asked_users integer not null,
  end_rank integer,
  treatment_users bigint not null,
  control_users bigint not null,
  horizon_days integer not null,
  category text not null,
  positive_event_types text not null,
  reserved_by text not null,
  acted_as text not null,
  reserved_at timestamptz not null,
  given_back_at timestamptz,
  constraint pk_audience_reservations primary key (reservation_id)
);
create index ix_audience_reservations_campaign
  on predictions.audience_reservations (campaign_id, send_date);

insert into predictions.audience_reservations (campaign_id, send_date, score_date, asked_users,
  treatment_users, control_users, horizon_days, category, positive_event_types, reserved_by,
  acted_as, reserved_at)
select campaign_id, send_date, min(score_date), count(user_id) filter (where is_contact),
  count(*) filter (where arm = 'treatment'), count(*) filter (where arm = 'control'),
  coalesce(min(c.horizon_days), 1), coalesce(min(c.category), ''),
  coalesce(min(c.positive_event_types), ''), coalesce(min(recorded_by), 'unknown'),
  coalesce(min(recorded_by), 'unknown'), coalesce(min(recorded_at), now())
from (
  select campaign_id, send_date, user_id, score_date, recorded_by, recorded_at, null as arm,
    true as is_contact from predictions.campaign_contacts
  union all
  select campaign_id, send_date, user_id, null, null, null, arm, false
  from analytics.campaign_cohorts
  union all
  select campaign_id, send_date, null, null, null, null, null, false
  from analytics.campaign_uplift
) as recorded
left join predictions.campaigns c using (campaign_id)
group by campaign_id, send_date;

create table marketing.reservation_locks (
  campaign_id text not null,
  constraint pk_reservation_locks primary key (campaign_id)
);

alter table predictions.campaign_contacts
  add column reservation_id bigint,
  add column publication_id bigint,
  add column score double precision,
  add column rank integer,
  add column confirmed_at timestamptz,
  add column confirmed_by text,
  add column given_back_at timestamptz,
  add column given_back_by text;
update predictions.campaign_contacts k
set reservation_id = r.reservation_id, confirmed_at = k.recorded_at, confirmed_by = k.recorded_by
from predictions.audience_reservations r
where r.campaign_id = k.campaign_id and r.send_date = k.send_date;
alter table predictions.campaign_contacts alter column reservation_id set not null;
alter table predictions.campaign_contacts drop constraint pk_campaign_contacts;
alter table predictions.campaign_contacts add constraint pk_campaign_contacts
  primary key (reservation_id, user_id);

alter table analytics.campaign_cohorts
  add column reservation_id bigint,
  add column publication_id bigint,
  add column rank integer;
update analytics.campaign_cohorts h set reservation_id = r.reservation_id
from predictions.audience_reservations r
where r.campaign_id = h.campaign_id and r.send_date = h.send_date;
alter table analytics.campaign_cohorts alter column reservation_id set not null;
alter table analytics.campaign_cohorts drop constraint pk_campaign_cohorts;
alter table analytics.campaign_cohorts add constraint pk_campaign_cohorts
  primary key (reservation_id, user_id);
create index ix_campaign_cohorts_user on analytics.campaign_cohorts (user_id, campaign_id);

alter table analytics.campaign_uplift
  add column reservation_id bigint,
  add column publication_id bigint,
  add column mailed_users bigint,
  add column treatment_erased bigint not null default 0,
  add column control_erased bigint not null default 0;
update analytics.campaign_uplift u
set reservation_id = r.reservation_id, mailed_users = u.treatment_users
from predictions.audience_reservations r
where r.campaign_id = u.campaign_id and r.send_date = u.send_date;
alter table analytics.campaign_uplift alter column reservation_id set not null;
alter table analytics.campaign_uplift alter column mailed_users set not null;
alter table analytics.campaign_uplift alter column treatment_erased drop default;
alter table analytics.campaign_uplift alter column control_erased drop default;
alter table analytics.campaign_uplift drop constraint pk_campaign_uplift;
alter table analytics.campaign_uplift add constraint pk_campaign_uplift
  primary key (reservation_id);

alter table pii.audience_access
  add column reservation_id bigint,
  add column transaction_id bigint;
create index ix_audience_access_role on pii.audience_access (role_name, accessed_at);

comment on table predictions.audience_reservations is
  'Who reserved users to mail them, and when. Made by marketing.reserve_audience; never changed but for given_back_at.';
comment on column predictions.audience_reservations.reservation_id is
  'Number of the reservation.';
comment on column predictions.audience_reservations.campaign_id is
  'The campaign.';
comment on column predictions.audience_reservations.send_date is
  'Day on which the mails are to go out (UTC).';
comment on column predictions.audience_reservations.score_date is
  'The day whose scores chose the users.';
comment on column predictions.audience_reservations.publication_id is
  'The publication whose scores chose the users; null: recorded before there were reservations, and never measured from now on.';
comment on column predictions.audience_reservations.asked_users is
  'How many users were asked for.';
comment on column predictions.audience_reservations.end_rank is
  'Users ranked before this one are compared; null: everybody.';
comment on column predictions.audience_reservations.treatment_users is
  'Users of the cohort in treatment, when it was frozen.';
comment on column predictions.audience_reservations.control_users is
  'Users of the cohort in control, when it was frozen.';
comment on column predictions.audience_reservations.horizon_days is
  'Reactions from send_date on count, for this many days.';
comment on column predictions.audience_reservations.category is
  'Category in which reactions count.';
comment on column predictions.audience_reservations.positive_event_types is
  'Events that count as a reaction, with commas between.';
comment on column predictions.audience_reservations.reserved_by is
  'Role that logged in.';
comment on column predictions.audience_reservations.acted_as is
  'Role it acted as.';
comment on column predictions.audience_reservations.reserved_at is
  'When.';
comment on column predictions.audience_reservations.given_back_at is
  'When its last user was given back with nobody mailed; then nothing is compared.';

comment on table marketing.reservation_locks is
  'Locked by whoever reserves users of a campaign.';
comment on column marketing.reservation_locks.campaign_id is
  'The campaign.';

comment on table predictions.campaign_contacts is
  'Whom mailing teams reserved, mailed or gave back. Written by the functions in schema marketing.';
comment on column predictions.campaign_contacts.user_id is
  'Who was reserved.';
comment on column predictions.campaign_contacts.score_date is
  'The day whose scores chose the user.';
comment on column predictions.campaign_contacts.recorded_by is
  'Database role that reserved.';
comment on column predictions.campaign_contacts.recorded_at is
  'When it was reserved.';
comment on column predictions.campaign_contacts.reservation_id is
  'The reservation.';
comment on column predictions.campaign_contacts.publication_id is
  'The publication whose scores chose the user.';
comment on column predictions.campaign_contacts.score is
  'The user''s score in it.';
comment on column predictions.campaign_contacts.rank is
  'The user''s rank in it.';
comment on column predictions.campaign_contacts.confirmed_at is
  'When the team said that the mail went out; null: it hasn''t.';
comment on column predictions.campaign_contacts.confirmed_by is
  'Database role that said so.';
comment on column predictions.campaign_contacts.given_back_at is
  'When the team gave the user back, unmailed; null: it hasn''t.';
comment on column predictions.campaign_contacts.given_back_by is
  'Database role that did.';

comment on table analytics.campaign_cohorts is
  'Users whose reactions to a mail are compared, frozen at its reservation.';
comment on column analytics.campaign_cohorts.arm is
  'treatment: was to be mailed; control: would have been, had they not been in control.';
comment on column analytics.campaign_cohorts.reservation_id is
  'The reservation.';
comment on column analytics.campaign_cohorts.publication_id is
  'The publication whose ranks chose the cohort.';
comment on column analytics.campaign_cohorts.rank is
  'The user''s rank in it.';

comment on table analytics.campaign_uplift is
  'Effect of each reservation''s mails, by intention to treat, once the window is complete.';
comment on column analytics.campaign_uplift.treatment_users is
  'Users who were to be mailed, whether they were or not.';
comment on column analytics.campaign_uplift.number_needed_to_mail is
  'Reserved users for one more reaction: 1 / difference; null where that isn''t above 0.';
comment on column analytics.campaign_uplift.reservation_id is
  'The reservation.';
comment on column analytics.campaign_uplift.publication_id is
  'The publication whose ranks chose the cohort.';
comment on column analytics.campaign_uplift.mailed_users is
  'Users of the reservation whose mail was confirmed by then.';
comment on column analytics.campaign_uplift.treatment_erased is
  'Treatment users who were erased before, and so aren''t counted.';
comment on column analytics.campaign_uplift.control_erased is
  'Control users who were erased before, and so aren''t counted.';

comment on table pii.audience_access is
  'Who opened addresses, and when. An address shows only once its row here is committed. Readers can''t change it.';
comment on column pii.audience_access.access_id is
  'Number; a gap is an opening that was rolled back, and so never showed an address.';
comment on column pii.audience_access.accessed_at is
  'When; opens addresses for a day.';
comment on column pii.audience_access.reservation_id is
  'Whose addresses; null: before there were reservations, all of them.';
comment on column pii.audience_access.transaction_id is
  'Transaction that wrote the row: within it nothing opens yet.';
