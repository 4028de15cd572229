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
grant select, insert (campaign_id, send_date, user_id, score_date)
  on predictions.campaign_contacts to audience_readers;

grant usage on schema predictions, pii, marketing to audience_owner;
grant create on schema marketing, pii to audience_owner;
grant select on predictions.campaign_propensity, predictions.latest_campaign_propensity,
  predictions.campaigns, predictions.campaign_contacts to audience_owner;
grant select on pii.contacts to audience_owner;
grant insert on pii.audience_access to audience_owner;
grant select on predictions.publications to audience_owner;

revoke all on function pii.log_audience_access() from public;
-- To use the view, one must be allowed to run its function; to call it alone, to see its schema.
grant execute on function pii.log_audience_access() to audience_readers;
revoke all on marketing.campaign_audience from public;
grant select on marketing.campaign_audience to audience_readers;
grant select on predictions.freshness to analyst, audience_readers, pipeline;

-- Refused rows of contact data: loading a day again replaces its notes.
grant select, insert, delete on pii.rejected_contacts to pipeline;

comment on schema predictions is 'Predictions and what belongs to them: for consumers.';
comment on schema analytics is 'What happened and how good it was: quality, models, uplift.';
comment on schema marketing is 'Whom to mail: for mailing teams.';
comment on schema pii is 'Personal data: for the pipeline only.';
