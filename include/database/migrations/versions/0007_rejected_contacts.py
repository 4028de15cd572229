"""Refused rows of contact data: which, and why."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this revision."""
    op.create_table(
        "rejected_contacts",
        sa.Column("ingest_date", sa.Date(), nullable=False, comment="Day the row arrived."),
        sa.Column("source_file", sa.Text(), nullable=False, comment="File below the landing zone."),
        sa.Column(
            "row_number",
            sa.BigInteger(),
            nullable=False,
            comment="Line of a text file, row of a Parquet file, from 1.",
        ),
        sa.Column("user_id", sa.BigInteger(), comment="The user; null: it can't be told."),
        sa.Column("reasons", sa.ARRAY(sa.Text()), nullable=False, comment="Why, all of it."),
        sa.Column(
            "withdraws_consent",
            sa.Boolean(),
            nullable=False,
            comment="Whether it is known whose row it is, and that it doesn't give consent.",
        ),
        sa.PrimaryKeyConstraint(
            "ingest_date", "source_file", "row_number", name=op.f("pk_rejected_contacts")
        ),
        schema="pii",
        comment="Refused rows of contact data. Their content is withheld.",
    )
    op.create_index("ix_rejected_contacts_user", "rejected_contacts", ["user_id"], schema="pii")


def downgrade() -> None:
    """Go back to the revision before."""
    op.drop_table("rejected_contacts", schema="pii")
    op.execute("delete from analytics.ingest_accounting where table_name = 'contacts'")
