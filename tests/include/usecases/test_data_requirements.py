"""What is judged apart and names nothing, or tells of a personal column without leave, is refused with the sentence."""

from dataclasses import replace
from typing import Any

import pytest

from include.usecases import coherence
from ml.errors import DeclarationError
from ml.usecase import EdgeCase, Fairness, Personal, UseCase


def edge(where: str) -> tuple[EdgeCase, ...]:
    return (EdgeCase(name="odd", condition=where, why="a test"),)


@pytest.mark.parametrize(
    ("changes", "reported"),
    [
        pytest.param(
            {"edge_cases": edge("is_storm")},
            "the edge case 'odd' has the condition 'is_storm', which is neither a feature nor in features.py",
            id="nothing of that name",
        ),
        pytest.param(
            {"edge_cases": edge("is_late")},
            r"the edge case 'odd' needs 'minutes_late' for is_late\(\), which is not a feature",
            id="a function of what comes later",
        ),
        pytest.param(
            {"fairness": Fairness(group_by=("driver",))},
            "fairness by 'driver' names neither a feature nor a column of 'bookings'",
            id="a column of the outcome",
        ),
        pytest.param(
            {"fairness": Fairness(group_by=("zone",), population="is_storm")},
            "fairness has the condition 'is_storm', which is neither",
            id="rows compared where nothing says",
        ),
    ],
)
def test_what_names_nothing_is_refused(taxi: UseCase, changes: dict[str, Any], reported: str) -> None:
    with pytest.raises(DeclarationError, match=reported):
        coherence.check(replace(taxi, **changes))


def about(case: UseCase, table: str, column: str, *places: Any) -> UseCase:
    """Return the use case with one column declared personal."""
    personal = (Personal(column=column, may_reach=places, why="a test"),)
    return replace(
        case, tables=tuple(replace(each, personal=personal) if each.name == table else each for each in case.tables)
    )


@pytest.mark.parametrize(
    ("changes", "reported"),
    [
        pytest.param(
            {"fairness": Fairness(group_by=("visits",))}, "fairness by 'visits' reports on a personal", id="groups"
        ),
        pytest.param({"edge_cases": edge("visits")}, "'odd' reports on the personal column 'visits'", id="edge case"),
    ],
)
def test_a_personal_column_is_compared_only_where_it_may_reach_reports(
    gym: UseCase, changes: dict[str, Any], reported: str
) -> None:
    with pytest.raises(DeclarationError, match=reported):
        coherence.check(replace(about(gym, "members", "visits", "features"), **changes))
    coherence.check(replace(about(gym, "members", "visits", "features", "reports"), **changes))


def test_a_personal_column_that_no_model_sees_may_be_compared(gym: UseCase) -> None:
    unseen = replace(gym, features=gym.features[:1], fairness=Fairness(group_by=("visits",)))
    coherence.check(about(unseen, "members", "visits", "reports"))
    with pytest.raises(DeclarationError, match="fairness by 'visits' reports on a personal column"):
        coherence.check(about(unseen, "members", "visits"))
