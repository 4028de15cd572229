"""What Airflow loads of ours besides the DAGs."""

from airflow.plugins_manager import AirflowPlugin

from include.orchestration import task_state_listener


class PropensityPlugin(AirflowPlugin):
    """The listener that feeds `analytics.task_states`."""

    name = "propensity"
    listeners = [task_state_listener]  # noqa: RUF012 (Airflow reads the class attribute)
