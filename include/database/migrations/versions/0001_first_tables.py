"""First tables: predictions, analytics, pii."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this revision."""
    for schema in ("predictions", "analytics", "pii"):
        op.execute(f"create schema {schema}")
    op.create_table(
        "ingest_accounting",
        sa.Column("table_name", sa.Text(), nullable=False, comment="Landing table."),
        sa.Column("ingest_date", sa.Date(), nullable=False, comment="Day of arrival."),
        sa.Column(
            "landed",
            sa.BigInteger(),
            nullable=False,
            comment="Rows in the landing files.",
        ),
        sa.Column(
            "accepted",
            sa.BigInteger(),
            nullable=False,
            comment="Rows in the core table.",
        ),
        sa.Column(
            "rejected",
            sa.BigInteger(),
            nullable=False,
            comment="Rows refused, with reasons.",
        ),
        sa.Column(
            "duplicate",
            sa.BigInteger(),
            nullable=False,
            comment="Rows that were there already.",
        ),
        sa.CheckConstraint(
            "landed = accepted + rejected + duplicate",
            name=op.f("ck_ingest_accounting_adds_up"),
        ),
        sa.PrimaryKeyConstraint("table_name", "ingest_date", name=op.f("pk_ingest_accounting")),
        schema="analytics",
        comment="landed = accepted + rejected + duplicate, every day.",
    )
    op.create_table(
        "lake_partitions",
        sa.Column("table_name", sa.Text(), nullable=False, comment="Lake table."),
        sa.Column("partition_date", sa.Date(), nullable=False, comment="Partition."),
        sa.Column(
            "row_count",
            sa.BigInteger(),
            nullable=False,
            comment="Rows; 0 for an empty day.",
        ),
        sa.Column(
            "snapshot_id",
            sa.BigInteger(),
            nullable=True,
            comment="Snapshot of the commit.",
        ),
        sa.Column(
            "attempt",
            sa.Text(),
            nullable=False,
            comment="Attempt of the job that made it.",
        ),
        sa.Column("code_version", sa.Text(), nullable=False, comment="Code that made it."),
        sa.Column(
            "inputs",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="Snapshot ids of what was read.",
        ),
        sa.Column(
            "committed_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="When it was committed.",
        ),
        sa.PrimaryKeyConstraint("table_name", "partition_date", name=op.f("pk_lake_partitions")),
        schema="analytics",
        comment="Committed partitions of the lake.",
    )
    op.create_table(
        "model_comparison",
        sa.Column("as_of_date", sa.Date(), nullable=False, comment="Training day."),
        sa.Column(
            "experiment",
            sa.Text(),
            nullable=False,
            comment="Experiment, champion, baseline_constant or baseline_recency.",
        ),
        sa.Column(
            "scope",
            sa.Text(),
            nullable=False,
            comment="all, mean_of_campaigns, or a campaign_id.",
        ),
        sa.Column(
            "snapshot_date",
            sa.Date(),
            nullable=False,
            comment="Evaluated on this snapshot's examples.",
        ),
        sa.Column("row_count", sa.BigInteger(), nullable=False, comment="Rows evaluated on."),
        sa.Column("positives", sa.BigInteger(), nullable=False, comment="Of which positive."),
        sa.Column(
            "log_loss",
            sa.DOUBLE_PRECISION(),
            nullable=False,
            comment="Log loss, lower is better.",
        ),
        sa.Column(
            "roc_auc",
            sa.DOUBLE_PRECISION(),
            nullable=True,
            comment="Null with one class only.",
        ),
        sa.Column(
            "average_precision",
            sa.DOUBLE_PRECISION(),
            nullable=True,
            comment="Null without positives.",
        ),
        sa.Column(
            "calibration_error",
            sa.DOUBLE_PRECISION(),
            nullable=False,
            comment="Expected calibration error, 0-1.",
        ),
        sa.Column(
            "lift_top_decile",
            sa.DOUBLE_PRECISION(),
            nullable=True,
            comment="Null without positives.",
        ),
        sa.Column(
            "model_version",
            sa.Text(),
            nullable=True,
            comment="Registered version, if it has one.",
        ),
        sa.Column(
            "is_promoted",
            sa.Boolean(),
            nullable=False,
            comment="Whether it became champion.",
        ),
        sa.Column("decision", sa.Text(), nullable=False, comment="Why it did or didn't."),
        sa.PrimaryKeyConstraint(
            "as_of_date", "experiment", "scope", name=op.f("pk_model_comparison")
        ),
        schema="analytics",
        comment="Out-of-time metrics, all on the same rows.",
    )
    op.create_table(
        "quality_results",
        sa.Column("attempt", sa.Text(), nullable=False, comment="Attempt of the job."),
        sa.Column("table_name", sa.Text(), nullable=False, comment="Lake table."),
        sa.Column("expectation", sa.Text(), nullable=False, comment="Expectation."),
        sa.Column("column_name", sa.Text(), nullable=False, comment="Column(s), or empty."),
        sa.Column(
            "first_day",
            sa.Date(),
            nullable=False,
            comment="First data day of the attempt.",
        ),
        sa.Column(
            "last_day",
            sa.Date(),
            nullable=False,
            comment="Last data day of the attempt.",
        ),
        sa.Column(
            "severity",
            sa.Text(),
            nullable=False,
            comment="critical (blocks the commit) or warning.",
        ),
        sa.Column("success", sa.Boolean(), nullable=False, comment="Whether it held."),
        sa.Column("reason", sa.Text(), nullable=False, comment="Why it holds for good data."),
        sa.Column(
            "observed",
            sa.Text(),
            nullable=False,
            comment="What was seen, where it failed.",
        ),
        sa.Column(
            "checked_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="When the verdict was stored.",
        ),
        sa.PrimaryKeyConstraint(
            "attempt",
            "table_name",
            "expectation",
            "column_name",
            name=op.f("pk_quality_results"),
        ),
        schema="analytics",
        comment="Verdicts of the audits.",
    )
    op.create_table(
        "contacts",
        sa.Column("user_id", sa.BigInteger(), nullable=False, comment="The user."),
        sa.Column("email", sa.Text(), nullable=True, comment="Address for mails."),
        sa.Column("phone", sa.Text(), nullable=True, comment="Phone number."),
        sa.Column("full_name", sa.Text(), nullable=True, comment="Name."),
        sa.Column(
            "marketing_consent",
            sa.Boolean(),
            nullable=False,
            comment="Whether they may be mailed.",
        ),
        sa.Column(
            "ingest_date",
            sa.Date(),
            nullable=False,
            comment="Day the row arrived; the newest wins.",
        ),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_contacts")),
        schema="pii",
        comment="Contact data: personal, never copied.",
    )
    op.create_table(
        "campaign_propensity",
        sa.Column(
            "score_date",
            sa.Date(),
            nullable=False,
            comment="Scored as of the end of this day (UTC).",
        ),
        sa.Column("campaign_id", sa.Text(), nullable=False, comment="The campaign."),
        sa.Column("user_id", sa.BigInteger(), nullable=False, comment="The user."),
        sa.Column(
            "score",
            sa.DOUBLE_PRECISION(),
            nullable=False,
            comment="Probability of a reaction within the campaign's horizon, 0-1.",
        ),
        sa.Column(
            "rank",
            sa.Integer(),
            nullable=False,
            comment="Place within campaign and day, 1 the best; ties by user_id.",
        ),
        sa.Column(
            "decile",
            sa.SmallInteger(),
            nullable=False,
            comment="Tenth of the ranking, 1 the best.",
        ),
        sa.Column(
            "arm",
            sa.Text(),
            nullable=False,
            comment="treatment or control: control users are not mailed, they measure the effect.",
        ),
        sa.Column(
            "model_version",
            sa.Text(),
            nullable=False,
            comment="Version of the model in the registry.",
        ),
        sa.Column(
            "publication_id",
            sa.BigInteger(),
            nullable=False,
            comment="The publication that brought the row.",
        ),
        sa.PrimaryKeyConstraint(
            "score_date", "campaign_id", "user_id", name=op.f("pk_campaign_propensity")
        ),
        schema="predictions",
        comment="How likely each user reacts to each campaign; every published day.",
        postgresql_partition_by="LIST (score_date)",
    )
    op.create_index(
        "ix_campaign_propensity_best",
        "campaign_propensity",
        ["campaign_id", "rank"],
        unique=False,
        schema="predictions",
    )
    op.create_index(
        "ix_campaign_propensity_user",
        "campaign_propensity",
        ["user_id"],
        unique=False,
        schema="predictions",
    )
    op.create_table(
        "publications",
        sa.Column(
            "publication_id",
            sa.BigInteger(),
            sa.Identity(always=True),
            nullable=False,
            comment="Number of the attempt.",
        ),
        sa.Column("score_date", sa.Date(), nullable=False, comment="The day."),
        sa.Column(
            "status",
            sa.Text(),
            nullable=False,
            comment="published (visible), superseded (by a later one), rejected (never visible), reverted (taken back).",
        ),
        sa.Column(
            "model_version",
            sa.Text(),
            nullable=False,
            comment="Model that scored the day.",
        ),
        sa.Column(
            "model_policy",
            sa.Text(),
            nullable=False,
            comment="How it was chosen: as_of, champion, pinned.",
        ),
        sa.Column(
            "lake_snapshots",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="Lake snapshot ids by table: the scores and what they were made from.",
        ),
        sa.Column("row_count", sa.BigInteger(), nullable=False, comment="Rows."),
        sa.Column(
            "checksum",
            sa.Text(),
            nullable=False,
            comment="Checksum of the rows, order-independent.",
        ),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="When it was decided.",
        ),
        sa.Column("run_id", sa.Text(), nullable=False, comment="Airflow run that did it."),
        sa.Column("reason", sa.Text(), nullable=False, comment="Why it has this status."),
        sa.CheckConstraint(
            "status in ('published', 'superseded', 'rejected', 'reverted')",
            name=op.f("ck_publications_status"),
        ),
        sa.PrimaryKeyConstraint("publication_id", name=op.f("pk_publications")),
        schema="predictions",
        comment="One row an attempt to publish a day.",
    )
    op.create_index(
        "ux_publications_published",
        "publications",
        ["score_date"],
        unique=True,
        schema="predictions",
        postgresql_where=sa.text("status = 'published'"),
    )
    op.execute(
        """
        create view predictions.latest_campaign_propensity as
        select * from predictions.campaign_propensity
        where score_date = (
            select max(score_date) from predictions.publications where status = 'published'
        )
        """
    )
    op.execute(
        "comment on view predictions.latest_campaign_propensity is 'The newest published day.'"
    )


def downgrade() -> None:
    """Go back to the revision before."""
    op.execute("drop view predictions.latest_campaign_propensity")
    op.drop_index(
        "ux_publications_published",
        table_name="publications",
        schema="predictions",
        postgresql_where=sa.text("status = 'published'"),
    )
    op.drop_table("publications", schema="predictions")
    op.drop_index(
        "ix_campaign_propensity_user",
        table_name="campaign_propensity",
        schema="predictions",
    )
    op.drop_index(
        "ix_campaign_propensity_best",
        table_name="campaign_propensity",
        schema="predictions",
    )
    op.drop_table("campaign_propensity", schema="predictions")
    op.drop_table("contacts", schema="pii")
    op.drop_table("quality_results", schema="analytics")
    op.drop_table("model_comparison", schema="analytics")
    op.drop_table("lake_partitions", schema="analytics")
    op.drop_table("ingest_accounting", schema="analytics")
    for schema in ("predictions", "analytics", "pii"):
        op.execute(f"drop schema {schema} cascade")
