"""All of a day's tables in one application: dimensions, events, daily activity, features.

A JVM and Great Expectations take longer to start than a small day takes to build, so the daily and
the history DAG run the four jobs in one application; each job can still be run alone.
"""

from spark_jobs import daily_activity, dimensions, events, features
from spark_jobs.job import run_job

BUILDS = [dimensions.build, events.build, daily_activity.build, features.build]

if __name__ == "__main__":
    run_job("lake_days", BUILDS)
