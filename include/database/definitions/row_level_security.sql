-- A team sees its own campaigns. current_user is whoever asks, through the view as well.
alter table predictions.campaign_propensity enable row level security;
drop policy if exists everything_for_analysts on predictions.campaign_propensity;
create policy everything_for_analysts on predictions.campaign_propensity
  for select to analyst using (true);
drop policy if exists own_campaigns_for_teams on predictions.campaign_propensity;
create policy own_campaigns_for_teams on predictions.campaign_propensity
  for select to audience_owner using (campaign_id = any (array(
    select c.campaign_id from predictions.campaigns c
    join pg_roles r on r.rolname = c.owner_role
    where pg_has_role(current_user, r.oid, 'member')
  )));

alter table predictions.campaign_contacts enable row level security;
drop policy if exists everything_for_the_pipeline on predictions.campaign_contacts;
create policy everything_for_the_pipeline on predictions.campaign_contacts
  to pipeline using (true) with check (true);
drop policy if exists everything_for_analysts on predictions.campaign_contacts;
create policy everything_for_analysts on predictions.campaign_contacts
  for select to analyst using (true);
drop policy if exists everything_for_the_audience on predictions.campaign_contacts;
create policy everything_for_the_audience on predictions.campaign_contacts
  for select to audience_owner using (true);
drop policy if exists own_campaigns_for_teams on predictions.campaign_contacts;
create policy own_campaigns_for_teams on predictions.campaign_contacts
  to audience_readers
  using (campaign_id = any (array(
    select c.campaign_id from predictions.campaigns c
    join pg_roles r on r.rolname = c.owner_role
    where pg_has_role(current_user, r.oid, 'member')
  )));
