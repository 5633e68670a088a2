"""The processes of the embedded stack: set up, started, asked over REST and ended, without importing Airflow."""
