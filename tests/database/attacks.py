"""What people who mean harm try, as each login, and what Postgres answers (15 to 18)."""

from dataclasses import dataclass

ANALYST, MAILER, ANN, EVE = "analyst_login", "marketing_login", "ann", "eve"
"""Services of analysts and of the team marketing; ann is in marketing, eve in another team."""
READERS = (ANALYST, MAILER, ANN)
PIPELINE, LAKE, MLFLOW, AIRFLOW = "pipeline", "lake_catalog", "mlflow", "airflow"
STRANGER = "stranger"
"""A login of the same server that nobody gave anything."""

TABLE = "permission denied for (table|view|relation)"
SCHEMA = "permission denied for schema"
FUNCTION = "permission denied for function"
OWNER = "must be owner of"
ROLE = "permission denied to (set|grant)|must have admin option|must be superuser"
SERVER = "permission denied|must be superuser"
NO_LOGIN = "is not permitted to log in|password authentication failed"
NO_CONNECT = "permission denied for database|not currently accepting connections"
PARAMETER = "permission denied to set parameter"


@dataclass(frozen=True)
class Attempt:
    """One try."""

    who: str
    sql: str
    """Empty: to log in is the attempt. `{N}` is the number of the visible publication."""
    answer: str
    """What Postgres says, as a regular expression."""
    database: str = "warehouse"


def by(who: tuple[str, ...] | str, *tries: tuple[str, str]) -> list[Attempt]:
    """The same tries as each of some logins."""
    logins = (who,) if isinstance(who, str) else who
    return [Attempt(login, sql, answer) for login in logins for sql, answer in tries]


def knocks(who: str, *databases: str) -> list[Attempt]:
    """To log in to other databases."""
    return [Attempt(who, "", NO_CONNECT, database) for database in databases]


STOP_A_PUBLICATION = [
    *by(READERS,
        ("select pg_advisory_lock(4927301)", FUNCTION),
        ("select pg_advisory_lock(4927302, 739684)", FUNCTION),
        ("select pg_advisory_xact_lock(4927301)", FUNCTION),
        ("select pg_advisory_lock_shared(4927301)", FUNCTION),
        ("select pg_advisory_xact_lock_shared(4927302, 739684)", FUNCTION),
        ("select pg_try_advisory_lock(4927301)", FUNCTION),
        ("select pg_try_advisory_lock_shared(4927301)", FUNCTION),
        ("select pg_try_advisory_xact_lock(4927302, 739684)", FUNCTION),
        ("select pg_try_advisory_xact_lock_shared(4927301)", FUNCTION),
        ("select pg_advisory_unlock_all()", FUNCTION),
        ("begin; lock table predictions.campaign_propensity in access exclusive mode", TABLE),
        ("begin; lock table predictions.publications in share mode", TABLE),
        ("begin; lock table analytics.lake_partitions in share mode", f"{TABLE}|{SCHEMA}"),
        ("select from predictions.publications for update", TABLE),
        ("select from predictions.publications for key share", TABLE),
        ("select from predictions.campaigns for share", TABLE),
        ("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'pipeline'",
         "permission denied to terminate process|must be a member of the role"),
        ("select pg_cancel_backend(pid) from pg_stat_activity where usename = 'pipeline'",
         "permission denied to cancel query|must be a member of the role"),
        ("alter table predictions.campaign_propensity detach partition predictions.publication_{N}",
         OWNER),
        ("create index on predictions.publications (score_date)", OWNER),
        ("cluster predictions.publications using pk_publications",
         f"{OWNER}|permission denied"),
        ("reindex table predictions.publications", f"{OWNER}|permission denied"),
        ("alter role pipeline nologin", SERVER),
        ("alter role pipeline connection limit 0", SERVER),
        ("alter role pipeline set statement_timeout = 1", SERVER),
        ("alter database warehouse connection limit 0", OWNER),
        ("alter database warehouse set default_transaction_read_only = on", OWNER),
        ("drop owned by pipeline", f"{SERVER}|DROP OWNED would take rights"),
        ("drop owned by analyst", f"{SERVER}|DROP OWNED would take rights"),
        ("drop owned by current_user", "DROP OWNED would take rights"),
        ("drop role pipeline", SERVER)),
    *by(PIPELINE,
        ("select pg_advisory_lock(4927301)", FUNCTION),
        ("select pg_advisory_xact_lock(4927301)", FUNCTION)),
]  # fmt: skip

READ_PII = [
    *by((*READERS, EVE),
        ("select * from pii.contacts", SCHEMA),
        ("select count(*) from pii.contacts", SCHEMA),
        ("explain analyze select * from pii.contacts", SCHEMA),
        ("copy pii.contacts to stdout", SCHEMA),
        ("select * from pii.audience_access", SCHEMA),
        ("select * from pii.erasures", SCHEMA),
        ("select pii.log_audience_access()", SCHEMA),
        ("select query_to_xml('select * from pii.contacts', true, true, '')", SCHEMA),
        ("do $$ begin perform from pii.contacts; end $$", SCHEMA),
        ("prepare peek as select * from pii.contacts", SCHEMA),
        ("select stavalues1 from pg_statistic", TABLE),
        ("grant select on pii.contacts to ann", SCHEMA),
        ("alter table pii.contacts owner to ann", f"{SCHEMA}|{OWNER}")),
    *by(ANALYST,
        ("select * from marketing.campaign_audience", SCHEMA),
        ("set role marketing", ROLE),
        ("set role audience_readers", ROLE)),
    # What one role may read, passed on to another past every grant.
    *by((PIPELINE, ANALYST, MAILER),
        ("select lo_from_bytea(0, 'an address')", FUNCTION),
        ("select lo_create(0)", FUNCTION),
        ("select lo_creat(-1)", FUNCTION),
        ("select lo_get(1)", FUNCTION),
        ("select lo_put(1, 0, 'x')", FUNCTION),
        ("select lo_open(1, 131072)", FUNCTION),
        ("select loread(0, 1)", FUNCTION),
        ("select lowrite(0, 'x')", FUNCTION),
        ("select lo_unlink(1)", FUNCTION),
        ("select lo_import('/etc/passwd')", FUNCTION),
        ("select lo_export(1, '/tmp/x')", FUNCTION),
        ("select pg_notify('addresses', 'an address')", FUNCTION)),
]  # fmt: skip

LEARN_AN_ARM_OR_CONSENT = [
    *by((MAILER, ANN, EVE),
        ("select arm from predictions.campaign_propensity", TABLE),
        ("select * from predictions.latest_campaign_propensity", TABLE),
        ("explain select * from predictions.campaign_propensity where arm = 'control'", TABLE),
        ("select * from predictions.publication_{N}", TABLE),
        ("select * from predictions.publications", TABLE),
        ("select * from analytics.campaign_cohorts", SCHEMA),
        ("select * from analytics.campaign_uplift", SCHEMA),
        ("set row_security = off; select * from predictions.campaign_contacts",
         "would be affected by row-level security"),
        # A function or operator of one's own would be handed what the view withholds.
        ("create function pg_temp.peek(text) returns bool language sql as 'select true'",
         "permission denied to create temporary"),
        ("create function marketing.peek(text) returns bool language sql as 'select true'", SCHEMA),
        ("create function public.peek(text) returns bool language sql as 'select true'", SCHEMA),
        ("create operator public.=== (function = texteq, leftarg = text, rightarg = text)", SCHEMA),
        ("create or replace view marketing.campaign_audience as select 1 as a",
         f"{SCHEMA}|{OWNER}"),
        ("alter view marketing.campaign_audience reset (security_barrier)", OWNER),
        ("alter view marketing.campaign_audience owner to ann", OWNER),
        ("drop view marketing.campaign_audience", OWNER),
        ("set role analyst", ROLE),
        ("set role audience_owner", ROLE),
        ("set role other_team; set role marketing", ROLE)),
    *by((ANALYST, MAILER),
        ("alter table predictions.campaign_propensity disable row level security", OWNER),
        ("create policy mine on predictions.campaign_contacts using (true)", OWNER),
        ("drop policy own_campaigns_for_teams on predictions.campaign_contacts", OWNER),
        ("update predictions.campaigns set owner_role = 'marketing'", TABLE)),
    *by(ANALYST, ("select * from predictions.publication_{N}", TABLE)),
]  # fmt: skip

WRITE_HISTORY = [
    *by(READERS,
        ("update predictions.campaign_propensity set score = 1", TABLE),
        ("delete from predictions.publications", TABLE),
        ("truncate predictions.campaign_propensity", TABLE),
        ("drop table predictions.campaign_propensity", OWNER),
        ("update predictions.campaign_contacts set user_id = 1", TABLE),
        ("delete from predictions.campaign_contacts", TABLE),
        ("insert into predictions.reverts (score_date, reason, reverted_by, reverted_at, "
         "is_holding) values ('2026-03-10', 'r', 'x', now(), true)", TABLE),
        ("update analytics.quality_results set success = true", f"{SCHEMA}|{TABLE}"),
        ("delete from analytics.champions", f"{SCHEMA}|{TABLE}"),
        ("insert into analytics.champions (from_date, model_version, reason, changed_by, "
         "changed_at) values ('2026-01-01', '1', 'r', 'x', now())", f"{SCHEMA}|{TABLE}"),
        ("delete from pii.audience_access", SCHEMA),
        ("insert into predictions.campaign_contacts (campaign_id, send_date, user_id, score_date, "
         "recorded_by) values ('cars', '2026-03-11', 1, '2026-03-10', 'eve')", TABLE)),
    *by((MAILER, ANN),
        ("insert into predictions.campaign_contacts (campaign_id, send_date, user_id, score_date) "
         "values ('coffee', '2026-03-11', 1, '2026-03-10')",
         f"violates row-level security|{TABLE}"),
        ("insert into marketing.campaign_audience (user_id) values (1)",
         f"cannot insert into|{TABLE}")),
    *by(ANALYST,
        ("insert into predictions.campaign_contacts (campaign_id, send_date, user_id, score_date) "
         "values ('cars', '2026-03-11', 1, '2026-03-10')", TABLE)),
    *by(PIPELINE,
        ("delete from analytics.champions", TABLE),
        ("update analytics.champions set model_version = '7'", TABLE),
        ("truncate analytics.champions", TABLE),
        ("insert into analytics.champions (champion_id, from_date, model_version, reason, "
         "changed_by, changed_at) overriding system value "
         "values (-1, '2026-01-01', '1', 'r', 'x', now())", TABLE),
        ("insert into analytics.champions (from_date, model_version, training_run, reason, "
         "changed_by, changed_at) values ('2026-01-01', '9', 'run', 'r', 'x', now()) "
         "on conflict (training_run) where training_run is not null "
         "do update set model_version = '9'", TABLE),
        ("delete from analytics.model_decisions", TABLE),
        ("truncate analytics.model_decisions", TABLE),
        ("update analytics.model_decisions set training_run = 'another'", TABLE),
        ("update analytics.model_decisions set summary = 'far better'",
         "promoted version 1: what that rested on stays"),
        ("update analytics.model_decisions set outcome = 'undecided'",
         "promoted version 1: what that rested on stays"),
        ("delete from predictions.reverts", TABLE),
        ("truncate predictions.reverts", TABLE),
        ("update predictions.reverts set reason = 'another'", TABLE),
        ("update predictions.reverts set reverted_by = 'eve'", TABLE),
        ("update predictions.reverts set is_holding = true", "it can't hold again"),
        ("delete from pii.erasures", TABLE),
        ("truncate pii.erasures", TABLE),
        ("update pii.erasures set user_id = 5", TABLE),
        ("update pii.erasures set requested_by = 'eve'", "was asked for at .*: that stays"),
        ("update pii.erasures set requested_at = '2020-01-01'", "was asked for at .*: that stays"),
        ("delete from predictions.publications", TABLE),
        ("truncate predictions.publications", TABLE),
        ("drop table predictions.publications", OWNER),
        ("update predictions.publications set score_date = '2026-01-01'", TABLE),
        ("update predictions.publications set model_version = '9'", TABLE),
        ("update predictions.publications set model_policy = 'champion'", TABLE),
        ("update predictions.publications set lake_snapshots = '{{}}'", TABLE),
        ("update predictions.publications set created_at = now()", TABLE),
        ("update predictions.publications set run_id = 'x'", TABLE),
        ("update predictions.publications set status = 'rejected' where status = 'published'",
         "publication {N} is published: it can't become rejected"),
        ("update predictions.publications set checksum = 'x'",
         "its row count and checksum follow an erasure only"),
        ("update predictions.publications set row_count = row_count + 1",
         "its row count and checksum follow an erasure only"),
        ("insert into predictions.publications (score_date, status, model_version, model_policy, "
         "lake_snapshots, row_count, checksum, created_at, run_id, reason) values "
         "('2026-03-12', 'published', '1', 'as_of', '{{}}', 1, 'x', now(), 'r', 'r')",
         "an attempt begins as rejected, not as published"),
        ("insert into predictions.publications (publication_id, score_date, status, model_version, "
         "model_policy, lake_snapshots, row_count, checksum, created_at, run_id, reason) "
         "overriding system value values "
         "(-1, '2026-03-12', 'rejected', '1', 'as_of', '{{}}', 1, 'x', now(), 'r', 'r')", TABLE),
        ("delete from predictions.campaign_contacts", "is not in pii.erasures"),
        ("truncate predictions.campaign_contacts", TABLE),
        ("update predictions.campaign_contacts set send_date = '2026-01-01'", TABLE),
        ("insert into predictions.campaign_contacts (campaign_id, send_date, user_id, score_date) "
         "values ('cars', '2026-03-11', 3, '2026-03-10')", TABLE),
        ("delete from pii.audience_access", TABLE),
        ("update pii.audience_access set role_name = 'nobody'", TABLE),
        ("insert into pii.audience_access (accessed_at, role_name, effective_role, client) "
         "values (now(), 'a', 'a', 'a')", TABLE),
        ("truncate pii.audience_access", TABLE),
        ("drop table pii.contacts", OWNER),
        ("alter table predictions.publications disable trigger all", OWNER),
        ("drop trigger keep_publications on predictions.publications", OWNER),
        ("create or replace trigger keep_publications before insert on predictions.publications "
         "for each row execute function suppress_redundant_updates_trigger()", f"{OWNER}|{TABLE}"),
        ("create or replace function predictions.keep_publications() returns trigger "
         "language plpgsql as 'begin return new; end'", OWNER),
        ("drop function predictions.keep_reverts() cascade", OWNER),
        ("create rule nothing as on delete to predictions.publications do instead nothing", OWNER),
        ("set session_replication_role = replica", PARAMETER),
        ("alter table predictions.reverts owner to pipeline", OWNER),
        ("select * from marketing.campaign_audience", TABLE),
        ("drop view marketing.campaign_audience", f"{SCHEMA}|{OWNER}")),
]  # fmt: skip

BREAK_OUT = [
    *by((*READERS, PIPELINE),
        ("create role mine", SERVER),
        ("create role mine superuser", SERVER),
        ("create database mine", SERVER),
        ("alter role current_user superuser", SERVER),
        ("alter role current_user createrole", SERVER),
        ("alter role current_user bypassrls", SERVER),
        ("grant pg_read_all_data to current_user", ROLE),
        ("grant audience_owner to current_user", ROLE),
        ("set role postgres", "permission denied|does not exist"),
        ("set session authorization pg_database_owner", SERVER),
        ("copy (select 1) to program 'cat'", SERVER),
        ("copy (select 1) to '/tmp/attack'", SERVER),
        ("select pg_read_file('/etc/passwd')", FUNCTION),
        ("select pg_ls_dir('.')", FUNCTION),
        ("alter system set log_statement = 'all'", SERVER),
        ("select pg_reload_conf()", FUNCTION),
        ("load 'auto_explain'", "access to library .* is not allowed|could not access file"),
        ("create extension dblink schema pg_catalog",
         "permission denied to create extension|is not available"),
        ("create foreign data wrapper mine", SERVER),
        ("create event trigger mine on ddl_command_end execute function "
         "suppress_redundant_updates_trigger()", SERVER)),
    *by(READERS,
        ("set role pipeline", ROLE),
        ("grant pipeline to current_user", ROLE),
        ("alter role pipeline password 'mine'", SERVER),
        ("alter role eve password 'mine'", SERVER),
        ("alter role analyst password 'mine'", SERVER),
        ("create table public.mine (a int)", SCHEMA),
        ("create table predictions.mine (a int)", SCHEMA),
        ("create view predictions.leak as select 1 as a", SCHEMA)),
    *by(PIPELINE,
        ("set role audience_owner", ROLE),
        ("alter role analyst superuser", SERVER),
        ("create table public.mine (a int)", SCHEMA),
        ("create table analytics.mine (a int)", SCHEMA)),
]  # fmt: skip

USE_UP_THE_SERVER = [
    *by(READERS,
        ("alter role current_user connection limit -1", SERVER),
        ("alter role current_user valid until 'infinity'", SERVER),
        ("set temp_file_limit = -1", PARAMETER),
        ("alter role current_user set temp_file_limit = -1", PARAMETER),
        ("create temporary table mine (a int)", "permission denied to create temporary"),
        ("create unlogged table analytics.mine (a int)", SCHEMA),
        ("create sequence predictions.mine", SCHEMA),
        ("create tablespace mine location '/tmp'", SERVER),
        ("begin; prepare transaction 'held for ever'", "prepared transactions are disabled"),
        ("select pg_create_physical_replication_slot('mine', true)", SERVER),
        ("select pg_create_logical_replication_slot('mine', 'pgoutput')", SERVER),
        ("select pg_logical_emit_message(false, 'x', repeat('x', 1000000))", FUNCTION),
        ("select pg_logical_emit_message(true, 'x', '\\x00'::bytea)", FUNCTION),
        ("select pg_switch_wal()", FUNCTION),
        ("select pg_create_restore_point('mine')", FUNCTION),
        ("checkpoint", SERVER),
        ("alter database warehouse set statement_timeout = 0", OWNER),
        ("alter role all set work_mem = '1TB'", SERVER)),
]  # fmt: skip

OTHER_DATABASES = [
    *knocks(ANALYST, "airflow", "lake", "mlflow", "postgres", "template1", "template0"),
    *knocks(MAILER, "airflow", "lake", "mlflow", "postgres", "template1"),
    *knocks(ANN, "airflow", "lake", "mlflow", "postgres", "template1"),
    *knocks(PIPELINE, "airflow", "lake", "mlflow", "postgres", "template1"),
    *knocks(LAKE, "warehouse", "airflow", "mlflow", "postgres", "template1"),
    *knocks(MLFLOW, "warehouse", "airflow", "lake", "postgres", "template1"),
    *knocks(AIRFLOW, "warehouse", "lake", "mlflow", "postgres", "template1"),
    *knocks(STRANGER, "warehouse", "airflow", "lake", "mlflow", "postgres", "template1"),
    *(Attempt(group, "", NO_LOGIN)
      for group in ("analyst", "marketing", "other_team", "audience_readers", "audience_owner")),
    *(Attempt(login, sql, answer, database)
      for login, database in ((LAKE, "lake"), (MLFLOW, "mlflow"), (AIRFLOW, "airflow"))
      for sql, answer in (
          ("create role mine", SERVER),
          ("copy (select 1) to program 'cat'", SERVER),
          ("set role pipeline", ROLE),
          ("alter role pipeline password 'mine'", SERVER),
          ("select lo_create(0)", FUNCTION),
      )),
]  # fmt: skip

GROUPS = {
    "stop a publication": STOP_A_PUBLICATION,
    "read pii": READ_PII,
    "learn an arm or consent": LEARN_AN_ARM_OR_CONSENT,
    "write history": WRITE_HISTORY,
    "break out of the database": BREAK_OUT,
    "use up the server": USE_UP_THE_SERVER,
    "other databases": OTHER_DATABASES,
}
