-- Whom a team may mail, with addresses; reading it is written down.
drop view if exists marketing.campaign_audience;
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
