"""Bring an earlier champion back; by hand, when the present one scores badly.

    analytics.champions: one more row ──▶ whoever scores from that day on, and MLflow's `champion`

    airflow dags trigger rollback_model -c '{"reason": "scores of coffee are all alike"}'

`version` chooses (`select * from analytics.champions`); without it, the champion before the present
one comes back. It is champion of the days from `from_date` on; without it, of all days that the
present one was champion of. Its files are checked against their hash and its features against the
lake's first. Nothing that is published changes: score a day again with `score_daily`, or bring an
earlier publication of it back with `revert_publication`. The next `train_weekly` compares with the
version that is back.

**When it fails.** Its message says what doesn't fit; nothing was changed.
"""

from airflow.sdk import Param, dag, get_current_context, task

from include.orchestration.assets import CHAMPIONS
from include.orchestration.defaults import ON_DEMAND, default_args, triggered_by


@dag(
    schedule=None,
    default_args=default_args(ON_DEMAND),
    params={
        "version": Param(
            None, type=["null", "string"], title="Version; empty: the champion before this one"
        ),
        "from_date": Param(
            None, type=["null", "string"], format="date",
            title="First data day; empty: since when the present champion is one",
        ),
        "reason": Param(type="string", minLength=5, title="Why"),
    },
    tags=["models", "on-demand"],
    doc_md=__doc__,
)  # fmt: skip
def rollback_model() -> None:
    """Wire the DAG."""

    # Once: a person is waiting, and reads the message.
    @task(retries=0, outlets=[CHAMPIONS])
    def rollback() -> str:
        from include.models.promotion.rollback import rollback_model

        context = get_current_context()
        return rollback_model(context["params"], triggered_by(context["dag_run"]))

    rollback()


rollback_model()
