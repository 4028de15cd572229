"""Data days have a time zone, so comments no longer say that they are days of UTC."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy import text

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

COMMENTS = {
    "predictions.service_level.due_after_hours": "Scores of a day are due this many hours after "
    "its end",
    "predictions.campaign_propensity.score_date": "Scored as of the end of this day",
    "predictions.audience_reservations.send_date": "Day on which the mails are to go out",
    "predictions.campaign_contacts.send_date": "Day of the mail",
    "analytics.campaign_cohorts.send_date": "Day of the mail",
    "analytics.campaign_uplift.send_date": "Day of the mail",
}


def upgrade() -> None:
    """Go to this revision."""
    op.add_column(
        "service_level",
        sa.Column(
            "time_zone",
            sa.Text(),
            nullable=False,
            server_default="UTC",
            comment="Data days end at midnight there; what the lake holds are days of this zone.",
        ),
        schema="predictions",
    )
    _comment("")


def downgrade() -> None:
    """Go back to the revision before."""
    op.drop_column("service_level", "time_zone", schema="predictions")
    _comment(" (UTC)")


def _comment(zone: str) -> None:
    for column, comment in COMMENTS.items():
        op.execute(text(f"comment on column {column} is '{comment}{zone}.'"))
