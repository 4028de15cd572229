-- The roles stay: other databases of the server may know them.
drop view predictions.freshness;
drop view marketing.campaign_audience;
drop function pii.log_audience_access();
alter table predictions.campaign_contacts disable row level security;
alter table predictions.campaign_propensity disable row level security;
reassign owned by pipeline, audience_owner to current_user;
drop owned by pipeline, analyst, marketing, audience_readers, audience_owner;
drop view predictions.latest_campaign_propensity;
create view predictions.latest_campaign_propensity as
select * from predictions.campaign_propensity
where score_date = (
  select max(score_date) from predictions.publications where status = 'published'
);
comment on view predictions.latest_campaign_propensity is 'The newest published day.';
