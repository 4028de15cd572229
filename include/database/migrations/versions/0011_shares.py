"""The accounting counts late events, and those of unknown categories and users."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

COMMENTS = {
    "late": "Accepted events, when built, that happened on a day before; null: no events.",
    "unknown_category": "Accepted events, when built, whose listing wasn't known or had no "
    "category.",
    "unknown_user": "Accepted events, when built, of users who hadn't landed: they aren't scored.",
}


def upgrade() -> None:
    """Go to this revision."""
    for name, comment in COMMENTS.items():
        column = sa.Column(name, sa.BigInteger(), nullable=True, comment=comment)
        op.add_column("ingest_accounting", column, schema="analytics")


def downgrade() -> None:
    """Go back to the revision before."""
    for name in COMMENTS:
        op.drop_column("ingest_accounting", name, schema="analytics")
