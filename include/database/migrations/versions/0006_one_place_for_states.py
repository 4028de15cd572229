"""One place where publications change state: its locks, and when readers could see what."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this revision."""
    op.create_table(
        "publication_locks",
        sa.Column(
            "lock_name",
            sa.Text(),
            nullable=False,
            comment="`exchange`, or `day` and the day of the scores.",
        ),
        sa.PrimaryKeyConstraint("lock_name", name=op.f("pk_publication_locks")),
        schema="predictions",
        comment="Locks of publications; only `pipeline` takes them.",
    )
    op.execute("insert into predictions.publication_locks values ('exchange')")
    op.add_column(
        "publications",
        sa.Column(
            "published_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="Since when readers could see it, the last time; null: they never could.",
        ),
        schema="predictions",
    )
    # When it was decided, a moment before readers could see it: the nearest that is known.
    op.execute(
        "update predictions.publications set published_at = created_at where status <> 'rejected'"
    )
    op.alter_column(
        "publications", "created_at", comment="When the attempt began.", schema="predictions"
    )
    op.add_column(
        "service_level",
        sa.Column(
            "reader_patience_s",
            sa.Integer(),
            nullable=False,
            server_default="120",
            comment="Readers who keep a publication waiting for longer are ended, in seconds.",
        ),
        schema="predictions",
    )
    op.alter_column("service_level", "reader_patience_s", server_default=None, schema="predictions")
    # Users are numbered by their sources; a row without a number is a mistake.
    for table in ("erasures", "contacts"):
        op.execute(f"alter table pii.{table} alter column user_id drop default")
        op.execute(f"drop sequence if exists pii.{table}_user_id_seq")


def downgrade() -> None:
    """Go back to the revision before."""
    op.drop_column("service_level", "reader_patience_s", schema="predictions")
    op.alter_column(
        "publications", "created_at", comment="When it was decided.", schema="predictions"
    )
    op.drop_column("publications", "published_at", schema="predictions")
    op.drop_table("publication_locks", schema="predictions")
