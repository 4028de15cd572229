-- Take the best users of a campaign for a mail, and freeze who is compared. In one transaction:
-- contacts (who is to be mailed), cohort (both arms), and the row that opens the addresses.
create or replace function marketing.reserve_audience(
  campaign_id text, send_date date, how_many integer
) returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set client_min_messages = notice
set lock_timeout = '10s'
-- A plan for a campaign's thousand users is none for the next one's million.
set plan_cache_mode = force_custom_plan
as $$
#variable_conflict use_column
declare
  asked_campaign constant text := campaign_id;
  asked_date constant date := send_date;
  campaign record;
  newest record;
  id bigint;
  taken bigint;
  apart integer;
  recent bigint[];
begin
  select c.* into campaign from predictions.campaigns c
  where c.campaign_id = asked_campaign and c.is_active and marketing.is_own(c.owner_role);
  if not found then
    raise exception '% has no active campaign %', marketing.acting_role(), asked_campaign
      using errcode = 'insufficient_privilege';
  end if;
  if how_many is null or how_many < 1 then
    raise exception 'how_many is %: at least 1', coalesce(how_many::text, 'null')
      using errcode = 'invalid_parameter_value';
  end if;
  perform marketing.lock_campaign(asked_campaign);

  select p.score_date, p.publication_id into newest
  from predictions.publications p where p.status = 'published' order by p.score_date desc limit 1;
  if not found then
    raise exception 'no day is published yet' using errcode = 'object_not_in_prerequisite_state';
  end if;
  if asked_date is null or not asked_date between newest.score_date + 1 and newest.score_date + 14
  then
    raise exception 'send_date is %: by the scores of %, mails can go out from % to %',
      coalesce(asked_date::text, 'null'), newest.score_date, newest.score_date + 1,
      newest.score_date + 14 using errcode = 'invalid_parameter_value';
  end if;
  if not marketing.contacts_are_loaded(newest.score_date) then
    raise exception 'the contacts of % are not loaded, so that who withdrew consent that day is not known: wait for lake_daily.contacts',
      newest.score_date using errcode = 'object_not_in_prerequisite_state';
  end if;

  -- Mails closer together than this are too close, whichever is the earlier.
  apart := greatest(campaign.cooldown_days, 1);
  recent := array(
    select r.reservation_id from predictions.audience_reservations r
    where r.campaign_id = asked_campaign and r.given_back_at is null
      and r.send_date > asked_date - apart and r.send_date < asked_date + apart
  );
  id := nextval(pg_get_serial_sequence('predictions.audience_reservations', 'reservation_id'));
  -- One statement, hence one snapshot: nobody's consent changes between contacts and cohort.
  with candidate as not materialized (
    select p.user_id, p.score, p.rank, p.arm,
      not exists (
        select from predictions.campaign_contacts k
        where k.reservation_id = any (recent) and k.user_id = p.user_id and k.given_back_at is null
      ) as is_free,
      -- Control users cool down as those do who are mailed, or the arms would differ. Whoever was
      -- given back alone stays in the earlier cohort, and isn't in another.
      not exists (
        select from analytics.campaign_cohorts h
        where h.reservation_id = any (recent) and h.user_id = p.user_id
      ) as is_compared
    from predictions.campaign_propensity p
    join pii.contacts c on c.user_id = p.user_id and c.marketing_consent
    where p.score_date = newest.score_date and p.campaign_id = asked_campaign
      and p.publication_id = newest.publication_id
  ),
  -- The cohort ends before the next user who would be mailed, not after the last who is: a range
  -- that always ended with a treatment user would give treatment the worst rank in it.
  next_one as (
    select rank from candidate where arm = 'treatment' and is_free
    order by rank offset how_many limit 1
  ),
  chosen as materialized (
    select * from candidate where rank < coalesce((select rank from next_one), 2147483647)
  ),
  contacts as (
    insert into predictions.campaign_contacts (reservation_id, campaign_id, send_date, user_id,
      score_date, publication_id, score, rank)
    select id, asked_campaign, asked_date, user_id, newest.score_date, newest.publication_id,
      score, rank
    from chosen where arm = 'treatment' and is_free
    returning user_id
  ),
  cohort as (
    insert into analytics.campaign_cohorts (reservation_id, campaign_id, send_date, user_id, arm,
      publication_id, rank)
    select id, asked_campaign, asked_date, user_id, arm, newest.publication_id, rank
    from chosen where is_compared
    returning arm
  ),
  reservation as (
    insert into predictions.audience_reservations (reservation_id, campaign_id, send_date,
      score_date, publication_id, asked_users, end_rank, treatment_users, control_users,
      horizon_days, category, positive_event_types, reserved_by, acted_as, reserved_at)
    overriding system value
    select id, asked_campaign, asked_date, newest.score_date, newest.publication_id, how_many,
      (select rank from next_one),
      (select count(*) from cohort where arm = 'treatment'),
      (select count(*) from cohort where arm = 'control'),
      campaign.horizon_days, campaign.category, campaign.positive_event_types, session_user,
      marketing.acting_role(), clock_timestamp()
  )
  select count(*) into taken from contacts;
  if taken = 0 then
    raise exception 'nobody of % is left to be reserved for % (or the day was replaced meanwhile: try again)',
      asked_campaign, asked_date using errcode = 'no_data_found';
  end if;
  if taken < how_many then
    raise notice 'reserved % users: no more are left', taken;
  end if;
  perform marketing.log_access(id);
  return id;
end $$;
comment on function marketing.reserve_audience(text, date, integer) is
  'Reserves the best users of a campaign for a mail on a day, and returns the reservation''s number. Commit, then read their addresses in marketing.campaign_audience; mail; then marketing.confirm_sends or marketing.give_back.';
