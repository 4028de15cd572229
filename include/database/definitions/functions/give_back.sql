-- Give users back who were not mailed. They can be reserved again at once; the cohort stays as it
-- was frozen. Only with the last user, and nobody mailed, does the whole comparison fall away, in
-- both arms: then there was no mail whose effect could be asked for.
create or replace function marketing.give_back(
  reservation_id bigint, user_ids bigint[] default null
) returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set client_min_messages = notice
set lock_timeout = '10s'
as $$
declare
  reservation constant predictions.audience_reservations :=
    marketing.own_reservation(reservation_id);
  wrong bigint;
  changed bigint;
begin
  perform marketing.lock_campaign(reservation.campaign_id);
  if exists (
    select from analytics.campaign_uplift u where u.reservation_id = reservation.reservation_id
  ) then
    raise exception 'the effect of reservation % is measured: nothing can be given back any more',
      reservation.reservation_id using errcode = 'object_not_in_prerequisite_state';
  end if;
  select count(*) into wrong from (select distinct unnest(user_ids) as user_id) as given
  where not exists (
    select from predictions.campaign_contacts k
    where k.reservation_id = reservation.reservation_id and k.user_id = given.user_id
      and k.confirmed_at is null
  );
  if wrong > 0 then
    raise exception '% of these users are not in reservation %, or were mailed: nothing was given back',
      wrong, reservation.reservation_id using errcode = 'invalid_parameter_value';
  end if;
  update predictions.campaign_contacts k
  set given_back_at = clock_timestamp(), given_back_by = session_user
  where k.reservation_id = reservation.reservation_id
    and (user_ids is null or k.user_id = any (user_ids))
    and k.confirmed_at is null and k.given_back_at is null;
  get diagnostics changed = row_count;
  update predictions.audience_reservations r set given_back_at = clock_timestamp()
  where r.reservation_id = reservation.reservation_id and r.given_back_at is null
    and r.mailed_at is null
    and not exists (
      select from predictions.campaign_contacts k
      where k.reservation_id = r.reservation_id and k.given_back_at is null
    );
  return changed;
end $$;
comment on function marketing.give_back(bigint, bigint[]) is
  'Gives back users of a reservation who were not mailed, these or all that are left; returns how many. They can be reserved again.';
