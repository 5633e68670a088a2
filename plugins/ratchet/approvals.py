"""The question put to an approver, whose answer goes to the ledger: unlike task states and XComs, it is signed."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from airflow.providers.standard.operators.hitl import ApprovalOperator

from ratchet import request

NOBODY = "nobody"


class RoleApproval(ApprovalOperator):
    """Asks one role to approve a release; only that role may answer, and silence rejects.

    The question is rebuilt from the ledger, and the answer is written there with the name of who really gave it.
    A rejection skips what follows.
    """

    def __init__(self, *, use_case: str, role: str, wait: timedelta, **kwargs: Any) -> None:
        self.use_case = use_case
        self.role = role
        super().__init__(
            subject=f"{role}: may this model answer for {use_case}?",
            defaults=self.REJECT,
            assigned_users=[{"id": role, "name": role}],
            response_timeout=wait,
            **kwargs,
        )

    def execute(self, context: Mapping[str, Any]) -> Any:
        """Put the question and park until it is answered."""
        from include.steps import release

        self.body = release.render_evidence(self.use_case, request.night(context))
        return super().execute(context)

    def execute_complete(self, context: Mapping[str, Any], event: dict[str, Any]) -> Any:
        """Write the answer to the ledger, then go on or skip what follows."""
        from include.steps import release

        if "error" not in event:
            user = (event["responded_by_user"] or {"id": NOBODY})["id"]
            choice = event["chosen_options"][0]
            release.approve(self.use_case, request.night(context), self.role, user, choice)
        return super().execute_complete(context, event)
