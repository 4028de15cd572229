"""The embedded default: Postgres from a wheel and Airflow on one machine, no Docker, no cloud."""
