"""What the database knows of the configuration: campaigns, due hour, roles and their passwords."""

import psycopg
from sqlalchemy import Connection, select, text, update

from include.config import PipelineConfig
from include.databases import LOGIN_ROLES
from include.settings import Settings
from include.warehouse.consumer_models import CampaignRow, ServiceLevel
from include.warehouse.upsert import upsert


def copy_config(connection: Connection, config: PipelineConfig) -> None:
    """Bring `predictions.campaigns` and `predictions.service_level` up to date.

    A campaign that left the file stays, inactive: contacts and results refer to it.
    """
    upsert(
        connection,
        CampaignRow,
        [
            {
                "campaign_id": campaign.campaign_id,
                "category": campaign.category,
                "positive_event_types": ",".join(campaign.positive_event_types),
                "horizon_days": campaign.horizon_days,
                "holdout_share": campaign.holdout_share,
                "cooldown_days": campaign.cooldown_days,
                "owner_role": campaign.owner_role,
                "is_active": campaign.active,
            }
            for campaign in config.campaigns
        ],
    )
    known = [campaign.campaign_id for campaign in config.campaigns]
    connection.execute(
        update(CampaignRow).where(CampaignRow.campaign_id.not_in(known)).values(is_active=False)
    )
    due = {"is_only_row": True, "due_after_hours": config.warehouse.due_after_hours}
    upsert(connection, ServiceLevel, [due])


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
