-- Who may do what; a role that isn't named here may nothing.
revoke all on schema public from public;

grant usage, create on schema predictions to pipeline;
grant usage on schema analytics, pii to pipeline;
grant select, insert, update, delete on all tables in schema predictions, analytics to pipeline;
grant select, insert, update, delete on pii.contacts, pii.erasures to pipeline;
grant select on pii.audience_access to pipeline;

grant usage on schema predictions, analytics to analyst;

-- Partitions carry no grants: whoever names one directly is refused, so no policy is passed by.
revoke all on all tables in schema predictions from public;
grant select on predictions.campaign_propensity, predictions.latest_campaign_propensity,
  predictions.publications, predictions.campaigns, predictions.service_level, predictions.reverts,
  predictions.campaign_contacts to analyst;
grant select on all tables in schema analytics to analyst;

-- Mailing teams.
grant usage on schema predictions, marketing to audience_readers;
grant select on predictions.campaigns to audience_readers;
grant select on predictions.campaign_contacts to audience_readers;

grant select on predictions.freshness to analyst, audience_readers, pipeline;

-- Refused rows of contact data: loading a day again replaces its notes.
grant select, insert, delete on pii.rejected_contacts to pipeline;

comment on schema predictions is 'Predictions and what belongs to them: for consumers.';
comment on schema analytics is 'What happened and how good it was: quality, models, uplift.';
comment on schema marketing is 'Whom to mail: for mailing teams.';
comment on schema pii is 'Personal data: for the pipeline only.';

-- Audiences: reserve, mail, confirm or give back. All of it through functions of audience_owner,
-- which may what they need; what they write, nobody else does.
grant usage on schema predictions, analytics, pii, marketing to audience_owner;
-- To be given a function or view, an owner must be allowed to make one there.
grant create on schema marketing to audience_owner;
grant select on predictions.campaign_propensity, predictions.publications, predictions.campaigns,
  pii.contacts, analytics.ingest_accounting, analytics.campaign_uplift to audience_owner;
grant select, insert, update on marketing.reservation_locks to audience_owner;
grant select, insert on predictions.campaign_contacts, predictions.audience_reservations,
  analytics.campaign_cohorts, pii.audience_access to audience_owner;
grant update (confirmed_at, confirmed_by, given_back_at, given_back_by)
  on predictions.campaign_contacts to audience_owner;
grant update (mailed_at, given_back_at) on predictions.audience_reservations to audience_owner;
grant usage on sequence predictions.audience_reservations_reservation_id_seq to audience_owner;

-- The pipeline takes erased users out, and nothing else.
revoke insert, update on predictions.campaign_contacts, analytics.campaign_cohorts from pipeline;
revoke insert, update, delete on predictions.audience_reservations from pipeline;
grant select on predictions.audience_reservations to analyst;
-- How many are in control is for those who may know who they are.
grant select (reservation_id, campaign_id, send_date, score_date, publication_id, asked_users,
  horizon_days, reserved_by, acted_as, reserved_at, mailed_at, given_back_at)
  on predictions.audience_reservations to audience_readers;

do $$
declare
  routine regprocedure;
begin
  for routine in
    select p.oid from pg_proc p where p.pronamespace = 'marketing'::regnamespace
  loop
    execute format('alter function %s owner to audience_owner', routine);
    execute format('revoke all on function %s from public, audience_readers', routine);
  end loop;
end $$;
grant execute on function marketing.read_audience(text),
  marketing.reserve_audience(text, date, integer), marketing.open_audience(bigint),
  marketing.confirm_sends(bigint, bigint[]), marketing.give_back(bigint, bigint[])
  to audience_readers;
-- What is measured isn't given back at the same time: the pipeline takes the campaign's lock, too.
grant usage on schema marketing to pipeline;
grant execute on function marketing.lock_campaign(text) to pipeline;
grant select, insert, update on marketing.reservation_locks to pipeline;
revoke all on marketing.campaign_audience from public;
grant select on marketing.campaign_audience to audience_readers;
revoke insert (campaign_id, send_date, user_id, score_date)
  on predictions.campaign_contacts from audience_readers;
