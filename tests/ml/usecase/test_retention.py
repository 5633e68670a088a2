"""A retention that is shorter than what the use case itself needs is refused with the number that would do."""

from dataclasses import replace

import pytest

from ml.errors import DeclarationError
from ml.usecase import Drift, Experiment, Release, Retention, Triggers, UseCase, identity

APPROVERS = ("tech_lead", "business_owner")


@pytest.mark.parametrize(
    ("declared", "changes", "message"),
    [
        pytest.param(
            Retention(rows=10),
            {},
            r"Retention\(rows=10\) is too short: a training judges on 4 nights and learns from 4 or more, whose "
            r"features look back 14; declare rows=22 or more, or None",
            id="a training",
        ),
        pytest.param(
            Retention(rows=300),
            {"triggers": Triggers(drift=Drift(reference="season", season_nights=364))},
            r"rows=300\) is too short: drift is compared with the 14 nights that ended 364 nights ago; declare rows=378",
            id="a season",
        ),
        pytest.param(
            Retention(metrics=14),
            {},
            r"monitoring measures a window of 14 nights before the last; declare metrics=15",
            id="monitoring",
        ),
        pytest.param(
            Retention(predictions=20),
            {"release": Release(approvers=APPROVERS, canary=Experiment(nights=28))},
            r"the experiment of a release lasts 28 nights; declare predictions=29 or more",
            id="an experiment",
        ),
        pytest.param(Retention(scores=12), {}, r"declare scores=15 or more", id="the publication gate"),
    ],
)
def test_a_retention_shorter_than_a_need_is_refused(
    taxi: UseCase, declared: Retention, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(DeclarationError, match=message):
        replace(taxi, retention=declared, **{"triggers": Triggers(), **changes})  # type: ignore[arg-type]


def test_exactly_what_is_needed_is_enough(taxi: UseCase) -> None:
    enough = Retention(rows=22, scores=15, metrics=15, predictions=15)
    assert replace(taxi, retention=enough).retention == enough


def test_nights_of_months_look_back_fewer_nights(gym: UseCase) -> None:
    assert replace(gym, retention=Retention(rows=8)).retention.rows == 8
    with pytest.raises(DeclarationError, match="declare rows=8 or more"):
        replace(gym, retention=Retention(rows=7))


@pytest.mark.parametrize("part", ["landing", "rows", "versions", "candidates"])
def test_nothing_is_kept_for_less_than_a_night(part: str) -> None:
    with pytest.raises(DeclarationError, match=rf"Retention\({part}=...\) is 1 night or more, or None .*, got 0"):
        Retention(**{part: 0})


def test_a_retention_says_nothing_about_a_model_and_changes_no_digest(taxi: UseCase) -> None:
    assert identity.text(replace(taxi, retention=Retention(landing=400))) == identity.text(taxi)
    assert "etention" not in identity.text(taxi)
