"""Roles that migrations don't make: the teams that own campaigns; and everybody's passwords."""

import psycopg
from sqlalchemy import Connection, select, text

from include.database.address import LOGIN_ROLES
from include.database.tables.predictions import CampaignRow
from include.settings import Settings


def create_team_roles(connection: Connection) -> None:
    """Make the roles that own campaigns. Their members are the administrator's to name.

    Needs the right to create roles; the role `pipeline` lacks it.
    """
    owners = connection.scalars(select(CampaignRow.owner_role).distinct()).all()
    for name in owners:
        quoted = connection.dialect.identifier_preparer.quote_identifier(name)
        exists = text("select exists (select from pg_roles where rolname = :name)")
        if not connection.scalar(exists, {"name": name}):
            connection.execute(text(f"create role {quoted} nologin"))
        connection.execute(text(f"grant audience_readers to {quoted}"))


def set_passwords(settings: Settings, url: str) -> list[str]:
    """Set the passwords that the settings hold; the server only ever sees their SCRAM hashes.

    Args:
        settings: Hold the passwords.
        url: The warehouse, as a user who may change roles, for libpq.

    Returns:
        The roles that have a password now.
    """
    done: list[str] = []
    with psycopg.connect(url, autocommit=True) as connection:
        for role in LOGIN_ROLES:
            password = getattr(settings, f"{role}_password").get_secret_value()
            if not password:
                continue
            hashed = connection.pgconn.encrypt_password(
                password.encode(), role.encode(), b"scram-sha-256"
            ).decode()
            connection.execute(
                psycopg.sql.SQL("alter role {} password {}").format(
                    psycopg.sql.Identifier(role), psycopg.sql.Literal(hashed)
                )
            )
            done.append(role)
    return done
