-- Whom a team may reserve, and the addresses of whom it has reserved.
drop view if exists marketing.campaign_audience;
create view marketing.campaign_audience as
select campaign_id, user_id, score, rank, email, phone, full_name, score_date, model_version,
  reservation_id, send_date
from marketing.read_audience();
alter view marketing.campaign_audience owner to audience_owner;
comment on view marketing.campaign_audience is
  'Whom you reserved and neither mailed nor gave back yet, with addresses; then whom you can reserve by the newest scores, without. Best first. Your own team''s campaigns only. See marketing.reserve_audience.';
comment on column marketing.campaign_audience.campaign_id is 'The campaign.';
comment on column marketing.campaign_audience.user_id is 'The user.';
comment on column marketing.campaign_audience.score is 'Probability of a reaction, 0-1.';
comment on column marketing.campaign_audience.rank is
  'Place among all users of the campaign, 1 the best; whoever may not be mailed leaves a gap.';
comment on column marketing.campaign_audience.email is
  'Address for mails, of reserved users; null: none is known, consent was withdrawn since, or you have not opened the reservation (marketing.open_audience).';
comment on column marketing.campaign_audience.phone is 'Phone number; null as email is.';
comment on column marketing.campaign_audience.full_name is 'Name; null as email is.';
comment on column marketing.campaign_audience.score_date is 'Scored as of the end of this day.';
comment on column marketing.campaign_audience.model_version is 'Version of the model.';
comment on column marketing.campaign_audience.reservation_id is
  'Your reservation of the user; null: not reserved.';
comment on column marketing.campaign_audience.send_date is
  'Day of the mail that the user is reserved for; null: not reserved.';
