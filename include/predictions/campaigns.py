"""What the database knows of the configuration: campaigns, and when predictions are due."""

from sqlalchemy import Connection, exists, select, update

from include.config import PipelineConfig
from include.database.data_days import other_zone
from include.database.tables.lake import IngestAccounting, LakePartition
from include.database.tables.predictions import CampaignRow, ServiceLevel
from include.database.upsert import upsert
from include.errors import ConfigError


def copy_config(connection: Connection, config: PipelineConfig, time_zone: str) -> None:
    """Bring `predictions.campaigns` and `predictions.service_level` up to date.

    A campaign that left the file stays, inactive: contacts and results refer to it.

    Args:
        connection: The warehouse.
        config: The files.
        time_zone: Of the data days.

    Raises:
        ConfigError: There are days of another time zone.
    """
    # Days of contacts are in the warehouse before the lake has any.
    is_in_use = select(exists(LakePartition) | exists(IngestAccounting))
    if (known_zone := other_zone(connection, time_zone)) and connection.scalar(is_in_use):
        raise ConfigError(
            f"there are days of {known_zone}, and PROPENSITY_TIME_ZONE is {time_zone}: set it "
            "back, or start with an empty lake and warehouse; what happened on the days that are "
            "there would move to other days"
        )
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
    due = {
        "is_only_row": True,
        "due_after_hours": config.warehouse.due_after_hours,
        "reader_patience_s": config.warehouse.reader_patience_s,
        "time_zone": time_zone,
    }
    upsert(connection, ServiceLevel, [due])
