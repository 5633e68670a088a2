"""`ratchet ledger` verifies the chain, and shows who decided what and why."""

from collections.abc import Callable
from datetime import date

import pytest
from typer.testing import CliRunner, Result

from include.cli import main
from include.settings import Settings
from include.stores import ledger, warehouse
from ml.governance.ledger_entries import EntryKind, RetrainingDecided
from ml.usecase import UseCase

Ask = Callable[..., Result]
REASONS = ("first", "second", "third")


@pytest.fixture
def ask(home: Settings, taxi: UseCase, gym: UseCase) -> Ask:
    """A function that asks `ratchet ledger` in a home with decisions of two use cases."""
    engine = warehouse.engine(home.warehouse_url)
    for number, reason in enumerate(REASONS, start=1):
        for case in (taxi, gym):
            ledger.append(
                engine,
                kind=EntryKind.RETRAINING_DECIDED,
                use_case=case.name,
                night=date(2024, 3, number),
                subject="d" * 64,
                payload=RetrainingDecided(retrain=False, reason=f"{reason} of {case.name}"),
                key=f"{case.name}:{number}",
            )
    return lambda *words: CliRunner().invoke(main.app, ["ledger", *words])


@pytest.mark.parametrize("words", [(), ("verify",)], ids=["alone", "by its name"])
def test_the_chain_is_verified(ask: Ask, words: tuple[str, ...]) -> None:
    said = ask(*words)
    assert (said.exit_code, "verified: no entry was changed" in said.output) == (0, True)


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ((), [f"{reason} of {case}" for reason in REASONS for case in ("taxi", "gym")]),
        (("--use-case", "gym"), [f"{reason} of gym" for reason in REASONS]),
        (("--last", "1"), ["third of gym"]),
        (("--use-case", "taxi", "--last", "2"), ["second of taxi", "third of taxi"]),
        (("--kind", "judged"), []),
    ],
    ids=["all", "of a use case", "the last", "the last of a use case", "of a kind"],
)
def test_decisions_are_shown_with_their_reasons(ask: Ask, words: tuple[str, ...], shown: list[str]) -> None:
    said = ask("show", *words)
    assert said.exit_code == 0, said.output
    assert [
        line.split("no retraining: ")[1].strip() for line in said.output.splitlines() if "no retraining: " in line
    ] == shown
    assert ("no entries" in said.output) is (not shown)


def test_a_kind_that_there_is_not_is_refused_with_those_that_there_are(ask: Ask) -> None:
    said = ask("show", "--kind", "decided")
    assert (said.exit_code, "retraining_decided" in said.output) == (2, True)


def test_an_unknown_use_case_is_refused(ask: Ask) -> None:
    said = ask("show", "--use-case", "ferries")
    assert (said.exit_code, "expected one of the use cases" in said.output) == (1, True)
