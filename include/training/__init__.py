"""From examples to a model. Imports no Airflow and no Spark; the training image has neither."""
