"""Bring an earlier version of a day's predictions back; by hand, when what is visible is wrong.

    predictions.campaign_propensity of a day: the visible publication ⇄ one before it

    airflow dags trigger revert_publication -c '{"day": "2017-12-24", "reason": "wrong prices"}'

`publication_id` chooses the version (`select * from predictions.publications where score_date =
'2017-12-24'`); without it, the newest one before the visible comes back; 0 withdraws the day, so
that the day before is the latest again. One transaction, seconds. Who did it and why stands in
`predictions.reverts`. From then on reruns of the day are refused until somebody runs `score_daily`
of the day with `{"replace_reverted": true}`, or reverts again.

**When it fails.** Its message lists the versions that are kept; nothing was changed. If readers
held the table, it says where to look for them.
"""

from airflow.sdk import Param, dag, get_current_context, task

from include.orchestration.assets import PREDICTIONS
from include.orchestration.defaults import ON_DEMAND, default_args, triggered_by


@dag(
    schedule=None,
    default_args=default_args(ON_DEMAND),
    params={
        "day": Param(type="string", format="date", title="Day of the scores"),
        "publication_id": Param(
            None, type=["null", "integer"], minimum=0,
            title="Publication to bring back; empty: the one before; 0: withdraw the day",
        ),
        "reason": Param(type="string", minLength=5, title="Why"),
    },
    tags=["predictions", "on-demand"],
    doc_md=__doc__,
)  # fmt: skip
def revert_publication() -> None:
    """Wire the DAG."""

    # Once: a person is waiting, and reads the message.
    @task(retries=0, outlets=[PREDICTIONS])
    def revert() -> int | None:
        from include.predictions.revert import revert_publication

        context = get_current_context()
        return revert_publication(context["params"], triggered_by(context["dag_run"]))

    revert()


revert_publication()
