"""What the database knows of the configuration: campaigns, and when predictions are due."""

from sqlalchemy import Connection, update

from include.config import PipelineConfig
from include.database.tables.predictions import CampaignRow, ServiceLevel
from include.database.upsert import upsert


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
    due = {
        "is_only_row": True,
        "due_after_hours": config.warehouse.due_after_hours,
        "reader_patience_s": config.warehouse.reader_patience_s,
    }
    upsert(connection, ServiceLevel, [due])
