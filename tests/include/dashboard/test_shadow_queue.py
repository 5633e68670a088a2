"""The section on the shadow queue has each model, its latest evidence under the present champions, and what follows."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from typer.testing import CliRunner

from include.cli import main
from include.dashboard import shadow_queue, use_case_page
from include.dashboard.rendering import render
from include.settings import Settings
from include.stores import ledger, warehouse
from include.stores.warehouse import Metric
from ml.governance.ledger_entries import EntryKind, Payload, Promoted, Verdict
from ml.promotion.adoption.shadow_queue import METRIC
from ml.usecase import Adoption, UseCase
from tests.include.dashboard.conftest import MOMENT

FIRST, SECOND, TREES, NETS = (letter * 64 for letter in "abcd")
UNDECIDED = Verdict(outcome="inconclusive", reason="a doubt", rule="change", package=TREES, recipe="trees")
AGAIN = replace(UNDECIDED, outcome="promote", reason="better in shadow", champion=SECOND)
EVENTS: tuple[tuple[int, EntryKind, str, Payload], ...] = (
    (1, EntryKind.PROMOTED, FIRST, Promoted(approved_by=("ann", "bob"), evidence="e" * 64)),
    (5, EntryKind.PROMOTED, SECOND, Promoted(approved_by=("ann", "bob"), evidence="e" * 64)),
    (8, EntryKind.JUDGED, TREES, UNDECIDED),
    (10, EntryKind.JUDGED, NETS, replace(UNDECIDED, package=NETS, recipe="nets")),
)


def measured(night: int, digest: str, value: float, high: float, nights: int) -> Metric:
    return Metric(
        use_case="taxi",
        night=date(2024, 3, night),
        model_digest=digest,
        slice="all",
        metric=METRIC,
        value=value,
        high=high,
        n=nights,
    )


METRICS = (
    measured(4, TREES, 99.0, 99.0, 70),  # under a former champion
    measured(22, TREES, 1.4, 1.4, 7),
    measured(29, TREES, 2.13, 2.2, 14),
    measured(29, NETS, 41.3, 41.3, 14),
    measured(29, FIRST, 0.2, 1.0, 14),
)


@pytest.fixture
def record(home: Settings, taxi: UseCase) -> Callable[..., None]:
    """A function that records events and metrics in a home of the toy."""

    def run(events: Sequence[Any] = EVENTS, metrics: Sequence[Metric] = METRICS) -> None:
        engine = warehouse.engine(home.warehouse_url)
        for number, kind, digest, payload in events:
            ledger.append(
                engine,
                kind=kind,
                use_case=taxi.name,
                night=date(2024, 3, number),
                subject=digest,
                payload=payload,
                key=f"{kind}:{number}:{digest}",
            )
        warehouse.record_metrics(engine, metrics)

    return run


def status(home: Settings, case: UseCase) -> shadow_queue.QueueStatus | None:
    return shadow_queue.gather(warehouse.engine(home.warehouse_url), case)


def test_without_an_undecided_model_there_is_no_section(
    home: Settings, taxi: UseCase, record: Callable[..., None]
) -> None:
    assert status(home, taxi) is None
    record(EVENTS[:1], ())
    assert status(home, taxi) is None
    record()
    assert status(home, replace(taxi, adoption=None)) is None
    assert status(home, replace(taxi, adoption=Adoption(queue=0))) is None


def test_each_model_has_a_row_with_its_latest_evidence(
    home: Settings, taxi: UseCase, record: Callable[..., None]
) -> None:
    record()
    queue = status(home, taxi)
    assert queue is not None
    assert (queue.champion, queue.level) == (SECOND, 40.0)
    assert [each.cells for each in queue.rows] == [
        (
            "dddddddddddd",
            "nets",
            "2024-03-10",
            "83",
            "41.3",
            "shown better (e = 41.3 of 40 after 14 nights, 83 nights left), but another check of the gate does not pass: "
            "stays in shadow",
        ),
        (
            "cccccccccccc",
            "trees",
            "2024-03-08",
            "81",
            "2.1",
            "undecided: stays in shadow (e = 2.1 of 40 after 14 nights, 81 nights left)",
        ),
        (
            "aaaaaaaaaaaa",
            "previous champion",
            "2024-03-05",
            "78",
            "0.2",
            "previous champion, put back only by the guard or a person (e = 0.2 of 40 after 14 nights, 78 nights left)",
        ),
    ]


def test_evidence_under_a_former_champion_is_not_shown(
    home: Settings, taxi: UseCase, record: Callable[..., None]
) -> None:
    record(metrics=METRICS[:1])
    queue = status(home, taxi)
    assert queue is not None
    assert [each.evidence for each in queue.rows] == [None, None, None]
    assert "not measured yet" in queue.rows[0].answer


def test_one_that_was_judged_again_waits_for_people(home: Settings, taxi: UseCase, record: Callable[..., None]) -> None:
    record((*EVENTS, (8, EntryKind.JUDGED_AGAIN, TREES, AGAIN)))
    queue = status(home, taxi)
    assert queue is not None
    assert "its release waits for tests and people" in queue.rows[1].answer


def test_the_page_of_the_use_case_and_the_command_show_it(
    home: Settings, taxi: UseCase, record: Callable[..., None]
) -> None:
    runner = CliRunner()
    nothing = runner.invoke(main.app, ["queue", taxi.name])
    assert (nothing.exit_code, nothing.output.strip()) == (0, "no undecided challenger of taxi is in shadow")
    record()
    detail = use_case_page.gather(warehouse.engine(home.warehouse_url), taxi, MOMENT)
    page = render("use_case.html", root="/ratchet", detail=detail, status=detail.status, backtests=())
    assert '<h2 id="queue">Undecided challengers</h2>' in page
    assert "undecided: stays in shadow (e = 2.1 of 40 after 14 nights, 81 nights left)" in page
    shown = runner.invoke(main.app, ["queue", taxi.name])
    assert shown.exit_code == 0, shown.output
    words = " ".join(shown.output.split())
    assert all(each in words for each in ("dddddddddddd", "previous champion", "41.3", "reaches 40 is judged again"))
    empty = render(
        "use_case.html", root="/ratchet", detail=replace(detail, queue=None), status=detail.status, backtests=()
    )
    assert "Undecided challengers" not in empty
