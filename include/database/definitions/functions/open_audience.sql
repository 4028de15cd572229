-- A colleague's reservation, or one's own after a day: who reads addresses is committed first.
create or replace function marketing.open_audience(reservation_id bigint) returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set client_min_messages = notice
as $$
begin
  perform marketing.own_reservation(reservation_id);
  perform marketing.log_access(reservation_id);
  return reservation_id;
end $$;
comment on function marketing.open_audience(bigint) is
  'Writes down that you read the addresses of your team''s reservation; once that is committed, they show in marketing.campaign_audience for a day.';
