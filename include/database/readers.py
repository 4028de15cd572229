"""Logins of people and services that read: one command makes each, with its limits attached."""

import getpass
import os
import re
import sys

import psycopg
from psycopg import sql

from include.config.role_names import why_no_team
from include.database import definitions
from include.database.address import database_url
from include.database.roles import set_password
from include.errors import PipelineError
from include.settings import Settings

PASSWORD_VARIABLE = "READER_PASSWORD"
MIN_PASSWORD = 12
ANALYSTS = "analyst"

_EXISTING = """
select r.rolcanlogin and not (r.rolsuper or r.rolcreaterole or r.rolcreatedb or r.rolreplication
                              or r.rolbypassrls) as is_plain,
  array(select g.rolname::text from pg_auth_members m join pg_roles g on g.oid = m.roleid
        where m.member = r.oid order by 1) as groups
from pg_roles r where r.rolname = %s
"""


def ask_password(settings: Settings, name: str) -> str:
    """The new login's password, from READER_PASSWORD or a prompt; never from an argument.

    Empty on the embedded server, which has no network: whoever reaches its socket is trusted.
    """
    if PASSWORD_VARIABLE in os.environ:
        return os.environ[PASSWORD_VARIABLE]
    if not settings.postgres_url.get_secret_value():
        return ""
    if not sys.stdin.isatty():
        raise PipelineError(f"give the password of {name} in {PASSWORD_VARIABLE}, or on a terminal")
    first = getpass.getpass(f"Password for {name}: ")
    if getpass.getpass("Once more: ") != first:
        raise PipelineError("the two passwords differ; nothing was changed")
    return first


def make_reader(settings: Settings, name: str, group: str, password: str) -> str:
    """Make a login in a group, or give the one that exists a new password; returns what was done.

    Args:
        settings: Name the server, with a user who may make roles.
        name: Of the login.
        group: `analyst`, `marketing`, or a team that owns campaigns.
        password: Empty: none, so that nobody logs in over the network.

    Raises:
        PipelineError: The name or the group can't be used, or the password is too short.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", name) or name == "marketing" or why_no_team(name):
        raise PipelineError(
            f"{name!r} can't be the name of a login: use small letters, digits and _, a letter "
            "first, and no name of a role that the pipeline or the server needs"
        )
    if settings.postgres_url.get_secret_value() and len(password) < MIN_PASSWORD:
        raise PipelineError(f"the password is shorter than {MIN_PASSWORD} characters")
    url = database_url(settings, "warehouse", role="admin")
    with psycopg.connect(url) as connection:
        teams = [row[0] for row in connection.execute(
            "select distinct owner_role from predictions.campaigns order by 1"
        )]  # fmt: skip
        allowed = sorted({ANALYSTS, "marketing", *teams})
        if group not in allowed:
            raise PipelineError(f"{group!r} isn't a group of readers: {', '.join(allowed)} are")
        if name in allowed:
            raise PipelineError(f"{name} is a group: nobody logs in as one")
        done = _in_group(connection, name, group)
        if password:
            set_password(connection, name, password)
        # psycopg takes per cent signs for parameters only where there are some.
        connection.execute(definitions.read("limits.sql").encode())
    return done


def _in_group(connection: psycopg.Connection, name: str, group: str) -> str:
    login = sql.Identifier(name)
    found = connection.execute(_EXISTING, (name,)).fetchone()
    if found is None:
        connection.execute(
            sql.SQL(
                "create role {} login nosuperuser nocreatedb nocreaterole noreplication "
                "nobypassrls in role {}"
            ).format(login, sql.Identifier(group))
        )
        return f"{name} can log in to the database warehouse as a member of {group}"
    is_plain, groups = found
    if not is_plain:
        raise PipelineError(f"the role {name} exists and is no plain login: choose another name")
    others = [other for other in groups if other != group]
    if others and ANALYSTS in (group, *others):
        # Together they would know who, with name and address, is in control.
        raise PipelineError(
            f"{name} is in {', '.join(others)}: who reads scores reads no addresses. Make a second "
            "login"
        )
    connection.execute(sql.SQL("grant {} to {}").format(sql.Identifier(group), login))
    return f"{name} was there already and is a member of {', '.join(sorted({group, *groups}))}"
