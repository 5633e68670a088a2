"""Set up, start, query over REST and stop the processes of the local stack, without importing Airflow."""
