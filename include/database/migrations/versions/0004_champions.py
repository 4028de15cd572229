"""Intervals, decisions about candidates, and the history of champions."""

from pathlib import Path

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

SQL = Path(__file__).parents[1] / "sql"


def upgrade() -> None:
    """Go to this revision."""
    _run("0004_up.sql")


def downgrade() -> None:
    """Go back to the revision before."""
    _run("0004_down.sql")


def _run(name: str) -> None:
    # Past SQLAlchemy, which takes colons and per cent signs for parameters.
    op.get_bind().connection.driver_connection.execute((SQL / name).read_text(encoding="utf-8"))
