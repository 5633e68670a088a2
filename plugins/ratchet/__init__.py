"""Thin subclasses of Airflow's extension points over `include/`, and the functions that all DAG files share."""
