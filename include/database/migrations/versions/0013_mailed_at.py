"""A reservation knows that a mail went out, whoever is erased afterwards."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy import text

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

PREDICTIONS = {"schema": "predictions"}
MADE = (
    "Who reserved users to mail them, and when. Made by marketing.reserve_audience; never changed "
)


def upgrade() -> None:
    """Go to this revision."""
    op.add_column(
        "audience_reservations",
        sa.Column(
            "mailed_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="When the first of its mails was confirmed; null: none was.",
        ),
        **PREDICTIONS,
    )
    op.execute(
        text(
            "update predictions.audience_reservations r set mailed_at = k.first_at from ("
            "select reservation_id, min(confirmed_at) as first_at "
            "from predictions.campaign_contacts group by 1) k "
            "where k.reservation_id = r.reservation_id"
        )
    )
    op.create_table_comment(
        "audience_reservations", f"{MADE}but for mailed_at and given_back_at.", **PREDICTIONS
    )


def downgrade() -> None:
    """Go back to the revision before."""
    op.create_table_comment("audience_reservations", f"{MADE}but for given_back_at.", **PREDICTIONS)
    op.drop_column("audience_reservations", "mailed_at", **PREDICTIONS)
