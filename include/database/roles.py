"""Roles that migrations don't make: the teams that own campaigns; and everybody's passwords."""

import psycopg
from sqlalchemy import Connection, select, text

from include.config.role_names import why_no_team
from include.database.address import PASSWORDS
from include.database.tables.predictions import CampaignRow
from include.errors import ConfigError
from include.settings import Settings

_DANGEROUS = """
select concat_ws(', ',
  case when rolcanlogin then 'logs in' end,
  case when rolsuper then 'is a superuser' end,
  case when rolcreaterole then 'may make roles' end,
  case when rolcreatedb then 'may make databases' end,
  case when rolreplication then 'may replicate' end,
  case when rolbypassrls then 'passes row-level security by' end,
  (select 'is a member of ' || string_agg(quote_ident(g.rolname), ', ' order by g.rolname)
   from pg_auth_members m join pg_roles g on g.oid = m.roleid
   where m.member = r.oid and g.rolname <> 'audience_readers')
)
from pg_roles r where rolname = :name
"""


def create_team_roles(connection: Connection) -> None:
    """Make the roles that own campaigns. Who is in them, `make reader` says.

    Needs the right to create roles; the role `pipeline` lacks it.

    Raises:
        ConfigError: An `owner_role` is a role that may more, or is somebody: reading addresses
            would come on top of it.
    """
    owners = connection.scalars(select(CampaignRow.owner_role).distinct()).all()
    for name in owners:
        if why := why_no_team(name):
            raise ConfigError(f"the owner_role {name} of a campaign {why}")
        quoted = connection.dialect.identifier_preparer.quote_identifier(name)
        dangerous = connection.scalar(text(_DANGEROUS), {"name": name})
        if dangerous is None:
            connection.execute(text(f"create role {quoted} nologin"))
        elif dangerous:
            raise ConfigError(
                f"the owner_role {name} of a campaign can't be a team: the role exists and "
                f"{dangerous}. Name another, or make it a role without login and memberships"
            )
        connection.execute(text(f"grant audience_readers to {quoted}"))


def set_passwords(settings: Settings, url: str) -> list[str]:
    """Set the passwords that the settings hold; the server only ever sees their SCRAM hashes.

    Args:
        settings: Hold the passwords.
        url: The warehouse, as a user who may change roles, for libpq.

    Returns:
        The logins that have a password now.
    """
    done: list[str] = []
    with psycopg.connect(url, autocommit=True) as connection:
        for login, setting in PASSWORDS.items():
            if password := getattr(settings, setting).get_secret_value():
                set_password(connection, login, password)
                done.append(login)
    return done


def set_password(connection: psycopg.Connection, login: str, password: str) -> None:
    """Set a login's password."""
    hashed = connection.pgconn.encrypt_password(
        password.encode(), login.encode(), b"scram-sha-256"
    ).decode()
    connection.execute(
        psycopg.sql.SQL("alter role {} password {}").format(
            psycopg.sql.Identifier(login), psycopg.sql.Literal(hashed)
        )
    )
