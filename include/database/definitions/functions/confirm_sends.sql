-- Record that mails of a reservation went out. Repeating it changes nothing.
create or replace function marketing.confirm_sends(
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
  select count(*) into wrong from (select distinct unnest(user_ids) as user_id) as given
  where not exists (
    select from predictions.campaign_contacts k
    where k.reservation_id = reservation.reservation_id and k.user_id = given.user_id
      and k.given_back_at is null
  );
  if wrong > 0 then
    raise exception '% of these users are not in reservation %, or were given back: nothing was recorded',
      wrong, reservation.reservation_id using errcode = 'invalid_parameter_value';
  end if;
  update predictions.campaign_contacts k
  set confirmed_at = clock_timestamp(), confirmed_by = session_user
  where k.reservation_id = reservation.reservation_id
    and (user_ids is null or k.user_id = any (user_ids))
    and k.confirmed_at is null and k.given_back_at is null;
  get diagnostics changed = row_count;
  -- Kept apart from the users: who was mailed and then erased was mailed all the same.
  update predictions.audience_reservations r set mailed_at = clock_timestamp()
  where r.reservation_id = reservation.reservation_id and r.mailed_at is null and changed > 0;
  return changed;
end $$;
comment on function marketing.confirm_sends(bigint, bigint[]) is
  'Records that the mails of a reservation went out, to these users or to all that are left; returns how many that is news of.';
