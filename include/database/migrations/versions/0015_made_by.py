"""A publication says which attempt made its scores, and with which code."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

PREDICTIONS = {"schema": "predictions"}
COLUMNS = {
    "attempt": (sa.Text(), "Attempt that made the scores in the lake; null: not on record."),
    "code_version": (sa.Text(), "Code that made the scores; null: not on record."),
    "scores_begun_at": (
        sa.DateTime(timezone=True),
        "When that attempt began: what it read is from before; null: not on record.",
    ),
}


def upgrade() -> None:
    """Go to this revision."""
    for name, (kind, comment) in COLUMNS.items():
        column = sa.Column(name, kind, nullable=True, comment=comment)
        op.add_column("publications", column, **PREDICTIONS)


def downgrade() -> None:
    """Go back to the revision before."""
    for name in reversed(COLUMNS):
        op.drop_column("publications", name, **PREDICTIONS)
