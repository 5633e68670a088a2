"""The policy of all DAGs: owner, tags, retries only where they can help, a timeout, and one run at a time."""

import os
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import (
    Asset,
    AssetWatcher,
    AsyncCallback,
    DeadlineAlert,
    ExceptionRetryPolicy,
    RetryAction,
    RetryRule,
)

from ml.errors import ApprovalError, DeclarationError, LeakError, LedgerError, RequestError
from ml.usecase import UseCase
from ratchet import notifiers, request
from ratchet.lateness import RunCreated

if TYPE_CHECKING:
    from airflow.triggers.base import BaseEventTrigger

_WITHOUT_DEADLINE = ("release", "standing_approval")  # wait for people, for days
# With Celery, the workers of each queue have their own permissions: one that trains cannot release what it trained.
_QUEUES = dict.fromkeys(
    ("release", "standing_approval", "canary", "rollback", "rollback_drill"), "promotion"
) | dict.fromkeys(("train", "backtest"), "training")
_NOT_RETRYABLE = RetryRule(
    exception=[RequestError, DeclarationError, LeakError, LedgerError, ApprovalError],
    action=RetryAction.FAIL,
    reason="a retry does not help: the error message says what to do",
)


def dag_arguments(use_case: UseCase, stage: str, doc: str) -> dict[str, Any]:
    """Return the arguments that all DAGs of a use case share."""
    return {
        "dag_id": f"{use_case.name}_{stage}",
        "description": doc.strip().splitlines()[0].lstrip("# "),
        "doc_md": doc,
        "tags": [use_case.name, stage],
        "max_active_runs": 1,
        "deadline": None if stage in _WITHOUT_DEADLINE else _deadline(),
        "default_args": {
            "owner": use_case.owner,
            "queue": _QUEUES.get(stage, "default"),
            "retries": 2,
            "retry_delay": timedelta(seconds=5),
            "retry_exponential_backoff": 4.0,
            "retry_policy": ExceptionRetryPolicy(rules=[_NOT_RETRYABLE]),
            "execution_timeout": timedelta(hours=1),
            "on_failure_callback": [notifiers.FailureNotifier(use_case.name)],
        },
    }


def _deadline() -> DeadlineAlert:
    """Return the deadline of a run, with the notification for a missed one."""
    hours = float(os.environ.get("RATCHET_LATE_HOURS", "2"))
    return DeadlineAlert(
        reference=RunCreated(),
        interval=timedelta(hours=hours),
        callback=AsyncCallback(notifiers.notify_late, kwargs={"hours": hours}),
    )


def schedules_enabled() -> bool:
    """Return whether schedules start nights; they are off in a demo run, which starts its nights itself."""
    return os.environ.get("RATCHET_SCHEDULES", "on") != "off"


def watched_asset(use_case: UseCase, stage: str, trigger: "BaseEventTrigger | None") -> Asset:
    """Return the asset of a stage, watched by `trigger` if schedules are enabled."""
    if trigger is None or not schedules_enabled():
        return request.asset(use_case, stage)
    return request.asset(use_case, stage, AssetWatcher(name=f"{use_case.name}_{stage}_watcher", trigger=trigger))


def approval_hours() -> float:
    """Return how many hours an approval waits before no answer counts as a rejection; three days by default."""
    return float(os.environ.get("RATCHET_APPROVAL_HOURS", "72"))
