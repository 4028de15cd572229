"""Examples: `features.*` and later reactions → `training.examples`."""

from include.errors import PipelineError
from include.models.snapshot_dates import matured_snapshot_dates
from spark_jobs.feature_tables import feature_tables
from spark_jobs.job import run_job
from spark_jobs.known import arrivals
from spark_jobs.transforms.labels import reactions, with_label_and_weight
from spark_jobs.transforms.pairs import all_pairs, known_users, pair_features
from spark_jobs.workspace import Workspace


def build(work: Workspace) -> None:
    """Stage the examples of all matured snapshot dates as of the job's last day."""
    as_of = work.days.last
    training = work.config.experiments
    campaigns = work.config.active_campaigns
    horizon = work.config.horizon_days
    available = work.lake.days(work.contract("features.user_category"))
    snapshot_dates = matured_snapshot_dates(
        as_of, training.is_snapshot_date, training.snapshot_weeks, horizon, available
    )
    if not snapshot_dates:
        raise PipelineError(
            f"as of {as_of} no snapshot date has a complete window of {horizon} days after it: "
            "load more history with lake_history"
        )
    made = "training.examples"
    users_reach = work.reach(made, "core.users", snapshot_dates)
    users = known_users(
        arrivals(work, "core.users", users_reach, min(snapshot_dates)), snapshot_dates
    )
    activity = "features.user_category_daily"
    daily = work.read(activity, work.reach(made, activity, snapshot_dates))
    # Negatives are left out before anything is joined to them.
    pairs = all_pairs(users, campaigns).withColumnRenamed("feature_date", "snapshot_date")
    positive = reactions(daily, snapshot_dates, campaigns)
    chosen = with_label_and_weight(pairs, positive, training.negative_share)
    examples = pair_features(
        users,
        feature_tables(work, made, snapshot_dates, campaigns),
        campaigns,
        work.event_types,
        work.settings.time_zone,
        chosen.withColumnRenamed("snapshot_date", "feature_date"),
    )
    work.stage(made, examples.withColumnRenamed("feature_date", "snapshot_date"), snapshot_dates)


if __name__ == "__main__":
    run_job("examples", [build])
