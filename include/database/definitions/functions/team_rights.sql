-- Whose campaigns are one's own. The functions of this schema run as audience_owner, so that
-- current_user says nothing: who asks is the role that was set, else who logged in. Neither is an
-- argument, so nobody can ask in somebody else's name.
drop view if exists marketing.campaign_audience;
drop function if exists pii.log_audience_access();

create or replace function marketing.acting_role() returns name
language sql stable set search_path = pg_catalog, pg_temp as $$
  select coalesce(nullif(current_setting('role'), 'none'), session_user)::name
$$;
comment on function marketing.acting_role() is 'The role that was set, else the one that logged in.';

-- 'usage': a membership that inherits nothing opens nothing without `set role`.
create or replace function marketing.is_own(owner_role text) returns boolean
language sql stable set search_path = pg_catalog, pg_temp as $$
  select exists (
    select from pg_roles r
    where r.rolname = owner_role and pg_has_role(marketing.acting_role(), r.oid, 'usage')
  )
$$;
comment on function marketing.is_own(text) is 'Whether whoever asks acts for a campaign''s owner.';

create or replace function marketing.contacts_are_loaded(day date) returns boolean
language sql stable set search_path = pg_catalog, pg_temp as $$
  select exists (
    select from analytics.ingest_accounting
    where table_name = 'contacts' and ingest_date = day
  )
$$;
comment on function marketing.contacts_are_loaded(date) is
  'Whether consent is known as of a day: with the day before''s, a withdrawal could be missed.';

create or replace function marketing.log_access(reservation bigint) returns void
language sql volatile set search_path = pg_catalog, pg_temp as $$
  insert into pii.audience_access
    (accessed_at, role_name, effective_role, client, reservation_id, transaction_id)
  values (clock_timestamp(), session_user, marketing.acting_role(),
    concat_ws(' ', coalesce(host(inet_client_addr()), 'local'), current_setting('application_name')),
    reservation, pg_current_xact_id()::text::bigint)
$$;
comment on function marketing.log_access(bigint) is
  'Writes down who opens a reservation''s addresses; they show once this is committed.';

-- The same words for a reservation that is another team's and for one that doesn't exist.
create or replace function marketing.own_reservation(reservation bigint)
returns predictions.audience_reservations
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  own predictions.audience_reservations;
begin
  select r.* into own
  from predictions.audience_reservations r
  join predictions.campaigns c on c.campaign_id = r.campaign_id
  where r.reservation_id = reservation and r.publication_id is not null
    and marketing.is_own(c.owner_role);
  if not found then
    raise exception '% has no reservation %', marketing.acting_role(), reservation
      using errcode = 'insufficient_privilege';
  end if;
  return own;
end $$;
comment on function marketing.own_reservation(bigint) is 'A reservation, if whoever asks owns it.';

-- Two that reserve, confirm or give back at once do so one after the other.
create or replace function marketing.lock_campaign(campaign text) returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
begin
  -- Only there does a statement see what was committed while the one before waited.
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'reserve, confirm and give back in a transaction that is read committed, not %',
      current_setting('transaction_isolation') using errcode = 'active_sql_transaction';
  end if;
  insert into marketing.reservation_locks (campaign_id) values (campaign)
  on conflict (campaign_id) do update set campaign_id = excluded.campaign_id;
end $$;
comment on function marketing.lock_campaign(text) is
  'Waits until nobody else reserves, confirms or gives back users of a campaign.';
