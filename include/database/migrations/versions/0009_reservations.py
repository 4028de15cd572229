"""Mailing teams reserve, mail, confirm or give back; cohorts belong to a reservation."""

from pathlib import Path

from alembic import op

revision = "0009"
down_revision = "0007"
branch_labels = None
depends_on = None

SQL = Path(__file__).parents[1] / "sql"


def upgrade() -> None:
    """Go to this revision."""
    _run("0009_up.sql")


def downgrade() -> None:
    """Go back to the revision before; refused once a team has reserved: that is the access log."""
    _run("0009_down.sql")


def _run(name: str) -> None:
    # Past SQLAlchemy, which takes colons and per cent signs for parameters.
    op.get_bind().connection.driver_connection.execute((SQL / name).read_text(encoding="utf-8"))
