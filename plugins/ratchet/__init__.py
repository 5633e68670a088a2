"""Airflow's own extension points, as thin subclasses over `include/`, and what every DAG file shares."""
