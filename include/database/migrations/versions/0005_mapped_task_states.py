"""Instances of a mapped task have states of their own."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TABLE = {"table_name": "task_states", "schema": "analytics"}


def upgrade() -> None:
    """Go to this revision."""
    op.add_column(
        TABLE["table_name"],
        sa.Column(
            "map_index",
            sa.Integer(),
            server_default="-1",
            nullable=False,
            comment="Which of a mapped task's instances; -1: it isn't mapped.",
        ),
        schema=TABLE["schema"],
    )
    op.alter_column(column_name="map_index", server_default=None, **TABLE)
    op.drop_constraint("pk_task_states", **TABLE)
    key = ["dag_id", "data_day", "task_id", "map_index"]
    op.create_primary_key("pk_task_states", columns=key, **TABLE)


def downgrade() -> None:
    """Go back to the revision before: of several instances, the newest state stays."""
    op.execute(
        "delete from analytics.task_states t using analytics.task_states other "
        "where (t.dag_id, t.data_day, t.task_id) = (other.dag_id, other.data_day, other.task_id) "
        "and (t.changed_at, t.map_index) < (other.changed_at, other.map_index)"
    )
    op.drop_constraint("pk_task_states", **TABLE)
    op.create_primary_key("pk_task_states", columns=["dag_id", "data_day", "task_id"], **TABLE)
    op.drop_column(column_name="map_index", **TABLE)
