"""Publications are loaded in one pass: what attempts left of their first tables goes."""

from alembic import op
from sqlalchemy import text

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this revision."""
    op.execute(
        text(
            "do $$ declare name text; begin for name in select c.oid::regclass from pg_class c "
            "where c.relnamespace = 'predictions'::regnamespace and c.relkind = 'r' "
            "and c.relname ~ '^loading_[0-9]+$' loop execute 'drop table ' || name; end loop; "
            "end $$"
        )
    )


def downgrade() -> None:
    """Go back to the revision before, which makes such tables as it needs them."""
