"""Models, in order: examples → fit → judge → promote; and `prediction`, which scoring loads.

Imports no Airflow and no Spark: the training image has neither.
"""
