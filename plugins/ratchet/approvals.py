"""The approval task of a release: it records the signed answer of an approver, unlike task states and XComs."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from airflow.providers.standard.operators.hitl import ApprovalOperator

from ratchet import request

NOBODY = "nobody"


class RoleApproval(ApprovalOperator):
    """Asks one role to approve a release; only that role may answer, and no answer counts as a rejection.

    The question is rendered from the ledger, and the answer is recorded with the name of the user who gave it. A
    rejection skips the following tasks.
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
        """Show the evidence and defer until the question is answered."""
        from include.steps import release

        self.body = release.render_evidence(self.use_case, request.night(context))
        return super().execute(context)

    def execute_complete(self, context: Mapping[str, Any], event: dict[str, Any]) -> Any:
        """Record the answer, then continue or skip the following tasks."""
        from include.steps import release

        if "error" not in event:
            user = (event["responded_by_user"] or {"id": NOBODY})["id"]
            choice = event["chosen_options"][0]
            release.approve(self.use_case, request.night(context), self.role, user, choice)
        return super().execute_complete(context, event)
