"""Once a week: examples from the lake, several experiments, the best becomes champion if it may.

    features.* ──examples: build──gate──publish──▶ training.examples ──fit × n──▶ compare─▶ promote
                                                                       (MLflow)      (champions)

Runs on Mondays at 06:00 with Sunday as its data day D (the start of its one-day interval):
snapshots are taken on Sundays, so that is the first hour at which a new one has matured. Models
learn only from what was known at the end of D, and carry that day as `trained_through`. Whoever is
promoted is champion from the day after D, since D was scored hours before; the first of all from D
on. The range of a backfill has to reach past 06:00 of its Monday:

    airflow backfill create --dag-id train_weekly --from-date 2017-12-25 --to-date 2017-12-26

With `PROPENSITY_TRAINING=kubernetes` each `fit` is a pod (docs/runbook.md), at most as many at a
time as the pool `gpu` has slots; its message says whether it was the image, the node, memory, the
deadline or the experiment itself.

**When it fails.** `wait_for_features`: run or clear `lake_daily` of D; where what examples are made
from is stale, trigger `refresh`. `examples.*`: as
`lake_daily`. `fit`: its log ends with the reason; the other experiments go on, and `compare` does
with those that finished, unless fewer than `min_finished_experiments` are left. `compare`: figures
stand in `analytics.model_comparison`, the decision with its reasons and the place of the model card
in `analytics.model_decisions`; not promoting is no failure. `promote`: clear it, it promotes once
however often it runs. With `PROPENSITY_APPROVAL=true` a
candidate that meets every condition waits at `ask` for a person (Airflow's UI, Required Actions);
after six days without an answer the champion stays. If a champion turns out to be bad: run
`rollback_model`. Clearing `fit` fits again. Nothing here touches the prediction table: yesterday's
champion goes on scoring.
"""

from datetime import timedelta
from typing import Any

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import CronTriggerTimetable, TriggerRule, chain, dag, get_current_context, task

from include.models.promotion.answers import KEEP, PROMOTE
from include.orchestration.assets import CHAMPIONS, EXAMPLES
from include.orchestration.defaults import (
    DAY,
    GPU_POOL,
    RUN,
    START,
    WEEKLY,
    day_param,
    default_args,
    lake_deadline,
)
from include.orchestration.groups import build_gate_publish
from include.orchestration.pods import EXPERIMENT_OF_POD, IMAGE_KEY, pod_timeouts
from include.orchestration.waits import WaitUntilReady
from include.settings import settings

# More than a pod's own deadline: who ends it first should be Kubernetes, which says so.
FIT_TIMEOUT = timedelta(hours=7)
# What is tried again was lost, not refused: a pod, a scheduler. It may start again at once.
FIT_RETRY_DELAY = timedelta(seconds=30)


@dag(
    schedule=CronTriggerTimetable(
        "0 6 * * 1", timezone=settings().time_zone, interval=timedelta(days=1)
    ),
    start_date=START,
    catchup=False,
    max_active_runs=1,  # the champion of one week is judged by the next
    default_args=default_args(WEEKLY),
    params={"day": day_param()},
    tags=["models", "tier:2"],
    doc_md=__doc__,
)
def train_weekly() -> None:
    """Wire the DAG."""
    wait_for_features = WaitUntilReady(
        task_id="wait_for_features",
        check="learnable",
        arguments={"day": DAY},
        deadline=lake_deadline(),
    )
    examples = build_gate_publish("examples", DAY, DAY)

    @task
    def choose_experiments() -> list[str]:
        from include.models.fitting.launch import experiment_names

        return experiment_names()

    @task
    def pin_examples() -> int:
        from include.models.fitting.launch import examples_snapshot

        return examples_snapshot()

    # One at a time: each takes all cores of a laptop.
    @task(
        max_active_tis_per_dagrun=1, execution_timeout=FIT_TIMEOUT, retry_delay=FIT_RETRY_DELAY,
        map_index_template="{{ task.op_kwargs['experiment'] }}", inlets=[EXAMPLES],
    )  # fmt: skip
    def fit(experiment: str, snapshot_id: int, as_of: str, training_run: str) -> None:
        from include.models.fitting.launch import fit_in_subprocess

        fit_in_subprocess(experiment, snapshot_id, as_of, training_run)

    @task
    def describe_pods(snapshot_id: int, as_of: str, training_run: str) -> list[dict[str, Any]]:
        from include.orchestration.pods import training_pods

        return training_pods(snapshot_id, as_of, training_run, "train_weekly")

    # All done, not all well: one failed experiment doesn't stop the others. But without examples
    # there is nothing to compare, and the red task to look at is the one that made none.
    @task(trigger_rule=TriggerRule.ALL_DONE_MIN_ONE_SUCCESS)
    def compare(training_run: str, as_of: str, snapshot_id: int) -> dict[str, Any]:
        from include.models.promotion.decide import compare_and_record

        ran = get_current_context()["ti"].xcom_pull(task_ids="fit", key=IMAGE_KEY)
        return compare_and_record(
            training_run, as_of, snapshot_id, [one for one in ran or [] if one]
        )

    @task.short_circuit
    def meets_every_condition(comparison: dict[str, Any]) -> bool:
        return bool(comparison["is_acceptable"])

    @task(outlets=[CHAMPIONS])
    def promote(
        training_run: str, comparison: dict[str, Any], answer: dict[str, Any] | None = None
    ) -> bool:
        from include.models.promotion.decide import promote

        return promote(training_run, comparison, answer)

    snapshot = pin_examples()
    if settings().training == "kubernetes":
        from include.orchestration.training_pod_operator import TrainingPodOperator

        fitted = TrainingPodOperator.partial(
            task_id="fit",
            pool=GPU_POOL,
            execution_timeout=FIT_TIMEOUT,
            retry_delay=FIT_RETRY_DELAY,
            map_index_template=EXPERIMENT_OF_POD,
            inlets=[EXAMPLES],
            **pod_timeouts(),
        ).expand(pod_template_dict=describe_pods(snapshot, DAY, RUN))
        chain(wait_for_features, examples, snapshot)
    else:
        names = choose_experiments()
        fitted = fit.partial(snapshot_id=snapshot, as_of=DAY, training_run=RUN).expand(
            experiment=names
        )
        chain(wait_for_features, examples, [snapshot, names])
    compared = compare(RUN, DAY, snapshot)
    chain(fitted, compared)
    if not settings().approval:
        promote(RUN, compared)
        return
    ask = HITLOperator(
        task_id="ask",
        subject=f"Promote version {compared['version']}?",
        body=f"{compared['summary']}. Its model card: {compared['card']}",
        options=[PROMOTE, KEEP],
        # The next run, a week later, waits for this one.
        response_timeout=timedelta(days=6),
        defaults=KEEP,
    )
    chain(meets_every_condition(compared), ask, promote(RUN, compared, ask.output))


train_weekly()
