-- What marketing.campaign_audience shows. A function, and not SQL that the planner could open: its
-- plan is one function scan, whose rows and counts are those that the reader may see. Conditions
-- of the reader's apply to what it returned.
drop function if exists marketing.read_audience(text);
create function marketing.read_audience(only_campaign text default null)
returns table (
  campaign_id text, user_id bigint, score double precision, rank integer, email text, phone text,
  full_name text, score_date date, model_version text, reservation_id bigint, send_date date
)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
-- debug_print_plan would hand the plans of these queries, with their estimates, to the client.
set client_min_messages = notice
as $$
#variable_conflict use_column
declare
  own text[] := array(
    select c.campaign_id from predictions.campaigns c
    where (only_campaign is null or c.campaign_id = only_campaign) and marketing.is_own(c.owner_role)
  );
  -- A row that a transaction sees is committed, or its own: then it could still be rolled back.
  opened bigint[] := array(
    select distinct a.reservation_id from pii.audience_access a
    where a.role_name = session_user and a.accessed_at > clock_timestamp() - interval '1 day'
      and a.transaction_id is distinct from pg_current_xact_id_if_assigned()::text::bigint
      and a.reservation_id is not null
  );
  newest record;
begin
  return query
    select k.campaign_id, k.user_id, k.score, k.rank, c.email, c.phone, c.full_name, k.score_date,
      p.model_version, k.reservation_id, k.send_date
    from predictions.campaign_contacts k
    join predictions.publications p on p.publication_id = k.publication_id
    -- Consent as it is now: whoever withdrew it since has no address here.
    left join pii.contacts c on c.user_id = k.user_id and c.marketing_consent
      and k.reservation_id = any (opened)
    where k.campaign_id = any (own) and k.confirmed_at is null and k.given_back_at is null
    order by k.campaign_id, k.reservation_id, k.rank;

  select p.score_date, p.publication_id, p.model_version into newest
  from predictions.publications p where p.status = 'published' order by p.score_date desc limit 1;
  if not found then
    return;
  end if;
  if not marketing.contacts_are_loaded(newest.score_date) then
    raise warning 'nobody can be reserved: the contacts of % are not loaded, so that who withdrew consent that day is not known',
      newest.score_date;
    return;
  end if;
  return query
    select p.campaign_id, p.user_id, p.score, p.rank, null::text, null::text, null::text,
      p.score_date, p.model_version, null::bigint, null::date
    from predictions.campaign_propensity p
    join predictions.campaigns g on g.campaign_id = p.campaign_id and g.is_active
    join pii.contacts c on c.user_id = p.user_id and c.marketing_consent
    where p.score_date = newest.score_date and p.campaign_id = any (own) and p.arm = 'treatment'
      and not exists (
        select from predictions.campaign_contacts k
        where k.campaign_id = p.campaign_id and k.user_id = p.user_id and k.given_back_at is null
          -- The earliest that anyone can be mailed by these scores is the day after them.
          and k.send_date > newest.score_date + 1 - greatest(g.cooldown_days, 1)
      )
    order by p.campaign_id, p.rank;
end $$;
comment on function marketing.read_audience(text) is
  'What marketing.campaign_audience shows; with a campaign, of that one only, which is quicker.';
