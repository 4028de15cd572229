"""What Airflow loads of ours besides the DAGs."""

from airflow.plugins_manager import AirflowPlugin

from include.orchestration import task_state_listener
from include.orchestration.night import DataDayTimetable, NightTimetable


class PropensityPlugin(AirflowPlugin):
    """The listener that feeds `analytics.task_states`, and when nights run."""

    name = "propensity"
    listeners = [task_state_listener]  # noqa: RUF012 (Airflow reads the class attribute)
    timetables = [DataDayTimetable, NightTimetable]  # noqa: RUF012
