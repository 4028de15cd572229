"""Roles, grants, row-level security and views: `definitions/` holds them, as they are today."""

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this revision."""


def downgrade() -> None:
    """Go back to the revision before."""
