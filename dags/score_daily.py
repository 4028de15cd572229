"""Every user's score for every campaign, checked, in the prediction table.

    features.* of D ──▶ choose_model ──▶ build ──gate──publish──▶ scores.campaign_propensity
                          (MLflow)                                     └─▶ publish_predictions
                                                                  predictions.campaign_propensity

Runs at midnight for the data day D that just ended, as soon as the lake holds the features of
D. Which model scores D is explicit: parameter `model_policy` is `as_of` (whoever was champion on D:
the newest entry of `analytics.champions` whose `from_date` is not after D; the default), `champion`
(whoever is champion now), or `pinned:<version>`; version and policy stand on every publication.

    airflow backfill create --dag-id score_daily --from-date 2017-12-25 --to-date 2017-12-28

**When it fails.** `wait_for_features`: look at `lake_daily` of D; where they are stale, trigger
`refresh`. `choose_model`: no version fits;
the message lists what there is. `scores.build`: a model that doesn't fit the features is refused
with the difference; pin one that does. `scores.gate`: as in `lake_daily`. `publish_predictions`:
the attempt stands in `predictions.publications` with its reason; readers still see what they saw
before. Clear the task: an unchanged day publishes nothing new. A day that somebody reverted is
refused: `{"replace_reverted": true}` publishes over it. What mails brought is measured by
`uplift_daily`.
"""

from datetime import timedelta

from airflow.sdk import Param, chain, dag, get_current_context, task

from include.contracts.lineage import FEATURES
from include.orchestration.assets import PREDICTIONS, SCORES
from include.orchestration.defaults import (
    DAY,
    NIGHTLY,
    RUN,
    START,
    day_param,
    default_args,
    lake_deadline,
)
from include.orchestration.groups import build_gate_publish
from include.orchestration.night import DataDayTimetable
from include.orchestration.waits import WaitUntilReady
from include.settings import settings


@dag(
    schedule=DataDayTimetable(settings().time_zone),
    start_date=START,
    catchup=False,
    max_active_runs=2,
    default_args=default_args(NIGHTLY),
    params={
        "day": day_param(),
        "model_policy": Param(
            "as_of", type="string", pattern="^(as_of|champion|pinned:[0-9]+)$", title="Which model"
        ),
        "replace_reverted": Param(
            False, type="boolean", title="Publish even though somebody reverted this day"
        ),
    },
    tags=["predictions", "tier:1"],
    doc_md=__doc__,
)
def score_daily() -> None:
    """Wire the DAG."""
    wait_for_features = WaitUntilReady(
        task_id="wait_for_features",
        check="committed",
        arguments={"day": DAY, "tables": list(FEATURES)},
        deadline=lake_deadline(),
    )

    @task
    def choose_model(day: str, policy: str) -> dict[str, str]:
        from include.predictions.choose import choose_model

        return choose_model(day, policy)

    # Slow readers may delay it by half an hour; see LOCK_WAIT_S.
    @task(execution_timeout=timedelta(hours=1), inlets=[SCORES], outlets=[PREDICTIONS])
    def publish_predictions(day: str, run: str, policy: str) -> None:
        from include.predictions.publish_day import publish_day

        publish_day(day, run, policy, get_current_context()["params"]["replace_reverted"])

    model = choose_model(DAY, "{{ params.model_policy }}")
    scores = build_gate_publish(
        "scores",
        DAY,
        DAY,
        parameters={"model_uri": f"{model['uri']}", "model_version": f"{model['version']}"},
    )
    chain(wait_for_features, model, scores, publish_predictions(DAY, RUN, model["policy"]))


score_daily()
