"""The form of the DAG `standing_approval`: propose a standing approval, or revoke what is in force."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from include.steps.adoption import standing_proposal
from include.steps.adoption.standing_proposal import Bounds
from include.steps.release import standing_release
from ml.errors import RequestError


def handle(use_case: str, request_id: str, who: str, form: Mapping[str, Any]) -> str | None:
    """Propose the standing approval of the form and return its digest; None if the form revokes instead.

    Raises RequestError as `standing_proposal.propose` and `standing_release.revoke` do, and without a last day.
    """
    if form["revoke"]:
        standing_release.revoke(use_case, who, form["why"])
        return None
    if not form["until"]:
        raise RequestError("expected the last day of the standing approval in `until`, got none: trigger the DAG again")
    bounds = Bounds(
        adoptions=form["adoptions"],
        nights_between=form["nights_between"],
        harm_budget=form["harm_budget"],
        until=date.fromisoformat(form["until"]),
    )
    return standing_proposal.propose(use_case, request_id, bounds, who, form["why"]).digest
