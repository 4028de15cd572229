"""The warehouse: models, migrations, publishing. Imports no Airflow and no Spark."""
