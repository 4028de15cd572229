-- Who reads addresses is written down. The row goes where the reader's transaction goes, so a
-- reader could roll it back: the line in the server's log stays, and so does the gap in access_id.
create or replace function pii.log_audience_access() returns boolean
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  effective text := coalesce(nullif(current_setting('role'), 'none'), session_user);
  source text := concat_ws(' ', coalesce(host(inet_client_addr()), 'local'),
                           current_setting('application_name'));
begin
  raise log 'marketing.campaign_audience is read by % as % from %', session_user, effective, source;
  insert into pii.audience_access (accessed_at, role_name, effective_role, client)
  values (clock_timestamp(), session_user, effective, source);
  return true;
end $$;
comment on function pii.log_audience_access() is 'Writes down who reads addresses; called by the view.';
alter function pii.log_audience_access() owner to audience_owner;
