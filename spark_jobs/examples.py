"""Examples: `features.*` and later reactions → `training.examples`."""

from pyspark.sql import functions as F

from include.days import Days, until
from include.errors import PipelineError
from include.models.snapshot_dates import matured_snapshots
from spark_jobs.transforms.labels import reactions, with_label_and_weight
from spark_jobs.transforms.pairs import known_users, pair_features
from spark_jobs.workspace import Workspace, run_job


def build(work: Workspace) -> None:
    """Stage the examples of all matured snapshots as of the job's last day."""
    as_of = work.days.last
    training = work.config.experiments
    campaigns = work.config.active_campaigns
    horizon = work.config.horizon_days
    available = work.lake.days(work.contract("features.user_category"))
    snapshots = matured_snapshots(
        as_of, training.snapshot_weekday, training.snapshot_weeks, horizon, available
    )
    if not snapshots:
        raise PipelineError(
            f"as of {as_of} no snapshot has a complete window of {horizon} days after it: load "
            "more history with lake_history"
        )
    reach = Days(snapshots[0], snapshots[-1])
    is_snapshot = F.col("feature_date").isin(*snapshots)
    users = known_users(work.read("core.users", until(snapshots[-1])), snapshots)
    pairs = pair_features(
        users,
        work.read("features.user_category", reach).where(is_snapshot),
        work.read("features.user", reach).where(is_snapshot),
        campaigns,
        work.event_types,
    ).withColumnRenamed("feature_date", "snapshot_date")
    daily = work.read("features.user_category_daily", Days(snapshots[0], as_of))
    work.stage(
        "training.examples",
        with_label_and_weight(
            pairs, reactions(daily, snapshots, campaigns), training.negative_share
        ),
        snapshots,
    )


if __name__ == "__main__":
    run_job("examples", [build])
