-- A team sees its own campaigns: by these policies where it reads a table, by marketing.is_own in
-- the functions that run as audience_owner.
alter table predictions.campaign_propensity enable row level security;
drop policy if exists everything_for_analysts on predictions.campaign_propensity;
create policy everything_for_analysts on predictions.campaign_propensity
  for select to analyst using (true);
drop policy if exists own_campaigns_for_teams on predictions.campaign_propensity;
drop policy if exists everything_for_the_audience on predictions.campaign_propensity;
create policy everything_for_the_audience on predictions.campaign_propensity
  for select to audience_owner using (true);

alter table predictions.campaign_contacts enable row level security;
drop policy if exists everything_for_the_pipeline on predictions.campaign_contacts;
create policy everything_for_the_pipeline on predictions.campaign_contacts
  to pipeline using (true) with check (true);
drop policy if exists everything_for_analysts on predictions.campaign_contacts;
create policy everything_for_analysts on predictions.campaign_contacts
  for select to analyst using (true);
drop policy if exists everything_for_the_audience on predictions.campaign_contacts;
create policy everything_for_the_audience on predictions.campaign_contacts
  to audience_owner using (true) with check (true);
drop policy if exists own_campaigns_for_teams on predictions.campaign_contacts;
create policy own_campaigns_for_teams on predictions.campaign_contacts
  for select to audience_readers
  using (campaign_id = any (array(
    select c.campaign_id from predictions.campaigns c
    join pg_roles r on r.rolname = c.owner_role
    where pg_has_role(current_user, r.oid, 'usage')
  )));

alter table predictions.audience_reservations enable row level security;
drop policy if exists everything_to_read on predictions.audience_reservations;
create policy everything_to_read on predictions.audience_reservations
  for select to pipeline, analyst using (true);
drop policy if exists everything_for_the_audience on predictions.audience_reservations;
create policy everything_for_the_audience on predictions.audience_reservations
  to audience_owner using (true) with check (true);
drop policy if exists own_campaigns_for_teams on predictions.audience_reservations;
create policy own_campaigns_for_teams on predictions.audience_reservations
  for select to audience_readers
  using (campaign_id = any (array(
    select c.campaign_id from predictions.campaigns c
    join pg_roles r on r.rolname = c.owner_role
    where pg_has_role(current_user, r.oid, 'usage')
  )));
