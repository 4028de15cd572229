"""The ledger knows when a partition's rows changed, and what of its inputs it was made from."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

ANALYTICS = {"schema": "analytics"}


def upgrade() -> None:
    """Go to this revision."""
    # What is there counts as made in order: only what changes from now on makes it stale.
    for column in (
        sa.Column(
            "state",
            sa.Text(),
            nullable=False,
            server_default="committed",
            comment="committed; or committing: tables of its day are being replaced, or that was "
            "cut off.",
        ),
        sa.Column(
            "content_number",
            sa.BigInteger(),
            nullable=False,
            server_default="0",
            comment="The table's sequence number in Iceberg when rows of this partition changed "
            "last.",
        ),
        sa.Column(
            "input_numbers",
            JSONB(),
            nullable=False,
            server_default="{}",
            comment="Sequence number of each input when this was made: what changed in it later, "
            "it doesn't know.",
        ),
    ):
        op.add_column("lake_partitions", column, **ANALYTICS)
    op.create_check_constraint(
        op.f("ck_lake_partitions_known_state"),
        "lake_partitions",
        "state in ('committed', 'committing')",
        **ANALYTICS,
    )
    op.alter_column(
        "lake_partitions",
        "attempt",
        comment="Newest attempt of the job that made it.",
        **ANALYTICS,
    )
    op.create_table(
        "lake_inputs",
        sa.Column("table_name", sa.Text(), nullable=False, comment="Lake table."),
        sa.Column("input_table", sa.Text(), nullable=False, comment="Lake table that it reads."),
        sa.Column(
            "first_offset_days",
            sa.Integer(),
            nullable=True,
            comment="First partition that is read, in days after the one that is made; null: all.",
        ),
        sa.Column(
            "last_offset_days",
            sa.Integer(),
            nullable=False,
            comment="Last partition that is read, in days after the one that is made.",
        ),
        sa.PrimaryKeyConstraint("table_name", "input_table", name=op.f("pk_lake_inputs")),
        comment="What lake tables are made from.",
        **ANALYTICS,
    )
    op.create_table(
        "lake_locks",
        sa.Column("lock_name", sa.Text(), nullable=False, comment="`publish`."),
        sa.PrimaryKeyConstraint("lock_name", name=op.f("pk_lake_locks")),
        comment="Locks of the lake; only `pipeline` takes them.",
        **ANALYTICS,
    )


def downgrade() -> None:
    """Go back to the revision before."""
    op.drop_table("lake_locks", **ANALYTICS)
    op.drop_table("lake_inputs", **ANALYTICS)
    op.alter_column(
        "lake_partitions", "attempt", comment="Attempt of the job that made it.", **ANALYTICS
    )
    op.drop_constraint(
        op.f("ck_lake_partitions_known_state"), "lake_partitions", type_="check", **ANALYTICS
    )
    for column in ("input_numbers", "content_number", "state"):
        op.drop_column("lake_partitions", column, **ANALYTICS)
