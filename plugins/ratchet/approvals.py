"""The approval tasks of releases: they record the signed answer of an approver, unlike task states and XComs."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Self

from airflow.providers.standard.operators.hitl import ApprovalOperator

from ml.usecase import UseCase
from ratchet import policy, request

NOBODY = "nobody"


class RoleApproval(ApprovalOperator):
    """Asks one role to approve a release; only that role may answer, and no answer counts as a rejection.

    The question is rendered from the ledger, and the answer is recorded with the name of the user who gave it. A
    rejection skips the following tasks. Nobody is asked about a release that a standing approval covers.
    """

    question = "may this model answer for {use_case}?"

    def __init__(self, *, use_case: str, role: str, wait: timedelta, **kwargs: Any) -> None:
        self.use_case = use_case
        self.role = role
        super().__init__(
            subject=f"{role}: {self.question.format(use_case=use_case)}",
            defaults=self.REJECT,
            assigned_users=[{"id": role, "name": role}],
            response_timeout=wait,
            **kwargs,
        )

    @classmethod
    def of_all_roles(cls, use_case: UseCase) -> list[Self]:
        """Return the approval tasks of all approvers of a use case."""
        wait = timedelta(hours=policy.approval_hours())
        return [
            cls(task_id=f"approval_of_{role}", use_case=use_case.name, role=role, wait=wait)
            for role in use_case.release.approvers
        ]

    def execute(self, context: Mapping[str, Any]) -> Any:
        """Show the evidence and defer until the question is answered, unless it need not be asked."""
        if not self.must_ask(context):
            return None
        self.body = self.render(context)
        return super().execute(context)

    def execute_complete(self, context: Mapping[str, Any], event: dict[str, Any]) -> Any:
        """Record the answer, then continue or skip the following tasks."""
        if "error" not in event:
            user = (event["responded_by_user"] or {"id": NOBODY})["id"]
            self.record(context, user, event["chosen_options"][0])
        return super().execute_complete(context, event)

    def must_ask(self, context: Mapping[str, Any]) -> bool:
        """Return whether the role must be asked."""
        from include.steps import release

        return not release.is_covered(self.use_case, request.night(context))

    def render(self, context: Mapping[str, Any]) -> str:
        """Return what the approver reads, in Markdown."""
        from include.steps import release

        return release.render_evidence(self.use_case, request.night(context))

    def record(self, context: Mapping[str, Any], user: str, choice: str) -> None:
        """Record the answer of `user`."""
        from include.steps import release

        release.approve(self.use_case, request.night(context), self.role, user, choice)


class StandingRoleApproval(RoleApproval):
    """Asks one role to approve a standing approval, whose proposal is that of this run."""

    question = "may refreshes of {use_case} be adopted within these bounds?"

    def must_ask(self, context: Mapping[str, Any]) -> bool:
        """Return True: a standing approval is always asked for."""
        return True

    def render(self, context: Mapping[str, Any]) -> str:
        """Return the terms of the proposal, what it may cost, and the backtest behind it, in Markdown."""
        from include.steps.release import standing_evidence

        return standing_evidence.render(self.use_case, context["dag_run"].run_id)

    def record(self, context: Mapping[str, Any], user: str, choice: str) -> None:
        """Record the answer of `user`."""
        from include.steps import release

        release.approve_standing(self.use_case, context["dag_run"].run_id, self.role, user, choice)
