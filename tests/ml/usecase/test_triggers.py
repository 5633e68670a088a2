"""Triggers are closed and say what they want; quiet nights are told by their dates."""

from collections.abc import Callable
from datetime import date

import pytest

from ml.errors import DeclarationError
from ml.usecase import BlackoutPeriod, Budget, Drift, Persistence, RetrainingPrice, Triggers, identity


@pytest.mark.parametrize(
    ("declare", "said"),
    [
        (lambda: Drift(reference="last week"), "one of .*'training', 'season', 'past'.*got 'last week'"),  # type: ignore[arg-type]
        (lambda: Drift(share=1.0), "from 0 to below 1, got 1.0"),
        (lambda: Drift(psi_threshold=0), "psi_threshold is positive, got 0"),
        (lambda: Drift(reference="season"), 'season_nights goes with reference="season".*got None'),
        (lambda: Drift(season_nights=364), "got 364 with 'training'"),
        (lambda: Drift(reference="season", season_nights=0), "is 1 or more, got 0|is 1 or more: got 0"),
        (lambda: Persistence(trigger="label_batch", nights=1, out_of=2), "one of calibration_gap, .*got 'label_batch'"),
        (lambda: Persistence(trigger="drift", nights=3, out_of=2), "got 3 out of 2"),
        (lambda: Budget(trainings=0, nights=7), "got 0 in 7"),
        (lambda: BlackoutPeriod(nights="12-20..01-02", why=" "), "has a reason, got 12-20..01-02"),
        (lambda: BlackoutPeriod(nights="02-30..03-01", why="a freeze"), "got '02-30..03-01'"),
        (lambda: BlackoutPeriod(nights="December", why="a freeze"), "got 'December'"),
        (lambda: BlackoutPeriod(nights="2024-02-02..2024-02-01", why="a freeze"), "got '2024-02-02..2024-02-01'"),
        (
            lambda: Triggers(persistence=(Persistence(trigger="loss_rise", nights=2, out_of=3),)),
            "is switched on, got loss_rise which is None",
        ),
        (
            lambda: Triggers(persistence=(Persistence(trigger="drift", nights=2, out_of=3),) * 2),
            "'drift' is there twice",
        ),
        (lambda: RetrainingPrice(), "is above 0: declare cpu_hour, person_hour with approval_minutes, or risk"),
        (lambda: RetrainingPrice(person_hour=60.0), "a retraining price is above 0"),
        (lambda: RetrainingPrice(risk=-1.0), "are 0 or more, got risk=-1.0"),
        (lambda: RetrainingPrice(cpu_hour=float("nan")), "cpu_hour=.* to be a number, got nan: write a finite number"),
        (lambda: RetrainingPrice(risk=1.0, first_age_nights=0), "first_age_nights is 1 or more, got 0"),
        (
            lambda: Triggers(persistence=(Persistence(trigger="worth", nights=2, out_of=3),)),
            "is switched on, got worth which is None",
        ),
        (lambda: Triggers(blackouts=BlackoutPeriod(nights="12-20..01-02", why="a freeze")), "takes a tuple"),  # type: ignore[arg-type]
    ],
)
def test_what_cannot_be_meant_is_refused_with_what_can(declare: Callable[[], object], said: str) -> None:
    with pytest.raises(DeclarationError, match=said):
        declare()


@pytest.mark.parametrize(
    ("nights", "inside", "outside"),
    [
        ("2023-12-20..2024-01-02", ["2023-12-20", "2024-01-02"], ["2023-12-19", "2024-01-03", "2024-12-25"]),
        ("12-20..01-02", ["2023-12-20", "2025-01-02", "2024-12-31"], ["2023-12-19", "2024-01-03"]),
        ("02-29..02-29", ["2024-02-29"], ["2023-03-01", "2023-02-28"]),
    ],
    ids=["once", "each year", "a leap day"],
)
def test_quiet_nights_are_those_of_their_dates(nights: str, inside: list[str], outside: list[str]) -> None:
    quiet = BlackoutPeriod(nights=nights, why="a freeze")
    assert all(date.fromisoformat(each) in quiet for each in inside)
    assert not any(date.fromisoformat(each) in quiet for each in outside)


def test_a_trigger_asks_on_its_first_night_unless_it_must_last() -> None:
    lasting = Persistence(trigger="drift", nights=2, out_of=3)
    triggers = Triggers(persistence=(lasting,))
    assert triggers.persistence_for("drift") == lasting
    assert triggers.persistence_for("calibration_gap") == Persistence(trigger="calibration_gap", nights=1, out_of=1)


@pytest.mark.parametrize(
    ("price", "cpu_seconds", "total"),
    [
        (RetrainingPrice(cpu_hour=2.0), 1800, 1.0),
        (RetrainingPrice(person_hour=80.0, approval_minutes=45), 1800, 60.0),
        (RetrainingPrice(risk=500.0), 1800, 500.0),
        (RetrainingPrice(cpu_hour=2.0, person_hour=80.0, approval_minutes=45, risk=500.0), 3600, 562.0),
    ],
    ids=["machines", "people", "risk", "all"],
)
def test_a_price_is_the_sum_of_machines_people_and_risk(
    price: RetrainingPrice, cpu_seconds: float, total: float
) -> None:
    assert price.total(cpu_seconds) == pytest.approx(total)


def test_a_declaration_without_a_price_reads_as_before_there_were_any() -> None:
    assert "worth" not in identity.text(Triggers())
    assert "worth=RetrainingPrice(" in identity.text(Triggers(worth=RetrainingPrice(risk=1.0)))
