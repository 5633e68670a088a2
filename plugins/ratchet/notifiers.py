"""Airflow's notifiers over Apprise: after a task that may have raised alerts, and after one that failed."""

from airflow.sdk import BaseNotifier, Context

from ratchet import request


class Alerts(BaseNotifier):
    """Tells the alerts of the run's night, or only those of one `kind`."""

    def __init__(self, use_case: str, kind: str | None = None) -> None:
        super().__init__()
        self.use_case, self.kind = use_case, kind

    def notify(self, context: Context) -> None:
        """Send them, if there are any."""
        from include import notifications

        notifications.tell_alerts(self.use_case, request.period(context), self.kind)


class Failure(BaseNotifier):
    """Tells that a task failed, once Airflow has given up on it."""

    def notify(self, context: Context) -> None:
        """Send the task's name and the last line of its error."""
        from include import notifications

        task = context["ti"]
        notifications.tell(
            f"{task.dag_id}.{task.task_id} failed",
            f"{context.get('exception') or 'no reason was given'} ({task.run_id})",
        )
