"""An undecided challenger is judged again on later nights: once, by what the data say, and by nothing that is forged."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from include import usecases
from include.dashboard import shadow_queue as queue_page
from include.settings import Settings, load_settings
from include.steps import ingest, release
from include.steps.adoption import line as lines
from include.steps.adoption import queue as queues
from include.steps.context import NightContext, StepContext
from include.steps.features import build
from include.steps.prune import needs
from include.steps.release import challengers, shadow_queue
from include.stores import ledger, table_snapshot, warehouse
from ml.errors import LedgerError, RequestError
from ml.governance import ledger_entries
from ml.governance.checks import Check, CheckStatus
from ml.governance.hash_chain import Entry
from ml.governance.ledger_entries import ApprovalRecord, EntryKind, ShadowStarted, Verdict
from ml.promotion.adoption import evidence
from ml.promotion.adoption.admission import Admission
from ml.promotion.adoption.evidence import GainSeries
from ml.promotion.adoption.shadow_queue import METRIC
from ml.promotion.gate import SHOWN_BETTER
from ml.training.fitting import Model
from ml.usecase import Adoption, Gates, periods
from tests.challenger import challenge
from tests.include.steps.adoption.conftest import Declare, declare, nudge, promote, spoil  # noqa: F401 - a fixture
from tests.include.steps.conftest import NIGHT, WRITES, Story, contents, enter
from tests.killing import Killed, killed_after

UNDECIDED, BEFORE, COUNTS = "2024-03-18", "2024-03-31", "2024-04-01"  # the block of the 19th to the 25th counts
DECLARED = Adoption(loss_range=1.0, queue=1, queue_error=0.99, rollback=1e9, harm_budget=1e9)
UNCONCERNED = Gates(judged_nights=4, max_log_loss=5.0, min_auc=0.5, slice_margin=9.0)
OPEN = Check(name=SHOWN_BETTER, value=-0.01, bar="above 0", status=CheckStatus.INCONCLUSIVE)


def weeks_pass(settings: Settings) -> None:
    """Ingest the nights after the first promotion until a block counts; a spoilt model was promoted meanwhile."""
    for night in map(str, periods.parse(f"{NIGHT}..{COUNTS}")):
        ingest.ingest("taxi", night)
        build.build("taxi", night)
    spoilt = challenge(usecases.get("taxi"), NIGHT, settings, spoil, rule="refresh", admission="proof")
    promote(settings, spoilt, NIGHT)


def mend(model: Model) -> Model:
    """Take back what `spoil` did."""
    return replace(model, calibration=replace(model.calibration, offset=model.calibration.offset - 3.0))


@dataclass(frozen=True)
class Queued:
    """A home whose champion is spoilt, and the undecided challenger `digest`."""

    settings: Settings
    before: str
    champion: str
    digest: str

    @property
    def context(self) -> StepContext:
        return StepContext.load("taxi")

    def entries(self, kind: EntryKind) -> tuple[Entry, ...]:
        return ledger.entries(warehouse.engine(self.settings.warehouse_url), "taxi", kind)


@pytest.fixture
def queued(
    story: Story,
    declare: Declare,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Callable[..., Queued]]:
    """A function that returns a new home with a spoilt champion and an undecided challenger, changed by `change`."""
    monkeypatch.setenv("RATCHET_HOME", str(tmp_path))
    numbers = count()

    def run(change: Callable[[Model], Model] = mend, recipe: str = "other", **declared: Any) -> Queued:
        case = declare(**{"adoption": DECLARED, "gates": UNCONCERNED} | declared)
        settings = enter(shutil.copytree(story.turned("ingest a night", weeks_pass), tmp_path / str(next(numbers))))
        engine = warehouse.engine(settings.warehouse_url)
        first, spoilt = (each.subject for each in ledger.entries(engine, "taxi", EntryKind.PROMOTED))
        undecided = {
            "outcome": "inconclusive",
            "rule": "change",
            "recipe": recipe,
            "checks": (OPEN,),
            "champion": spoilt,
        }
        digest = challenge(case, UNDECIDED, settings, change, **undecided)
        return Queued(settings=settings, before=first, champion=spoilt, digest=digest)

    yield run
    load_settings.cache_clear()


def measured(home: Queued, night: str = COUNTS) -> dict[str, float | None]:
    engine = warehouse.engine(home.settings.warehouse_url)
    result = warehouse.metrics(engine, "taxi", date.fromisoformat(night), date.fromisoformat(night), metric=METRIC)
    return {each.model_digest: each.value for each in result}


def test_one_that_is_shown_better_gets_a_verdict_that_starts_its_release(queued: Callable[..., Queued]) -> None:
    home = queued()
    with pytest.raises(RequestError, match="no challenger"):
        challengers.find(NightContext.load_night("taxi", UNDECIDED))
    assert shadow_queue.examine("taxi", COUNTS) == "release_undecided"
    assert shadow_queue.released_night("taxi", COUNTS) == UNDECIDED
    (again,) = home.entries(EntryKind.JUDGED_AGAIN)
    verdict = ledger_entries.read(again, Verdict)
    assert (str(again.night), again.subject) == (UNDECIDED, home.digest)
    assert (verdict.outcome, verdict.champion, verdict.admission) == ("promote", home.champion, "proof")
    assert verdict.evaluation is not None
    assert verdict.evaluation.nights == ("2024-03-19", "2024-03-25")
    assert verdict.queue is not None
    assert (str(verdict.queue.night), str(verdict.queue.since), verdict.queue.nights) == (COUNTS, UNDECIDED, 7)
    assert verdict.evidence not in (None, "e" * 64)
    assert challengers.find(NightContext.load_night("taxi", UNDECIDED)) == again
    assert "**JUDGED AGAIN.**" in release.render_evidence("taxi", UNDECIDED)
    alerts = warehouse.alerts(warehouse.engine(home.settings.warehouse_url), "taxi")
    assert [each.subject for each in alerts if "shown better in the shadow queue" in each.message] == [home.digest]


def test_the_evidence_is_that_of_the_nights_after_the_verdict_counted_row_by_row(
    queued: Callable[..., Queued],
) -> None:
    home = queued()
    shadow_queue.examine("taxi", COUNTS)
    context = NightContext.load_night("taxi", COUNTS)
    queue = queues.read(context)
    assert queue is not None
    tables = table_snapshot.take(context.case, context.settings)
    gains = queues.MeasuredQueue(context=context, queue=queue, tables=tables).gains
    nightly = gains.nightly(
        home.champion, home.digest, date(2024, 3, 19), date(2024, 3, 25), date(2024, 4, 1), centred=False
    )
    assert nightly is not None
    assert len(nightly.loss) == 7
    expected = evidence.e_values(GainSeries(loss=nightly.loss, centred_loss=None), DECLARED)[-1]
    assert measured(home)[home.digest] == pytest.approx(expected)
    assert expected > DECLARED.queue_level


def test_before_a_block_counts_nothing_is_shown(queued: Callable[..., Queued]) -> None:
    home = queued()
    assert shadow_queue.examine("taxi", BEFORE) is None
    assert measured(home, BEFORE)[home.digest] == 1.0
    assert home.entries(EntryKind.JUDGED_AGAIN) == ()


@pytest.mark.parametrize(
    ("change", "declared"),
    [
        (nudge, {}),
        (mend, {"adoption": replace(DECLARED, queue_error=0.0001)}),
        (mend, {"adoption": replace(DECLARED, queue=0)}),
        (mend, {"adoption": None}),
        (mend, {"gates": replace(UNCONCERNED, max_log_loss=0.01)}),
    ],
    ids=["as bad as the champion", "level not reached", "no queue", "no adoption", "a floor is missed"],
)
def test_one_that_is_not_shown_better_by_every_check_stays(
    change: Callable[[Model], Model], declared: dict[str, Any], queued: Callable[..., Queued]
) -> None:
    home = queued(change, **declared)
    assert shadow_queue.examine("taxi", COUNTS) is None
    assert home.entries(EntryKind.JUDGED_AGAIN) == ()


def test_a_model_of_the_champions_recipe_is_not_queued(queued: Callable[..., Queued]) -> None:
    home = queued(recipe=str(ledger_entries.read(queued().entries(EntryKind.JUDGED)[0], Verdict).recipe))
    assert shadow_queue.examine("taxi", COUNTS) is None
    assert set(measured(home)) == {home.before}


def test_a_previous_champion_that_is_shown_better_is_an_alert_and_nobody_puts_it_back(
    queued: Callable[..., Queued],
) -> None:
    home = queued(nudge)
    assert shadow_queue.examine("taxi", BEFORE) is None
    (alert,) = warehouse.alerts(warehouse.engine(home.settings.warehouse_url), "taxi", date(2024, 3, 31))
    assert alert.subject == home.before
    assert "consider `ratchet rollback`" in alert.message
    champion = ledger.champion(warehouse.engine(home.settings.warehouse_url), "taxi")
    assert champion is not None
    assert champion.subject == home.champion


def test_a_second_examination_changes_nothing(queued: Callable[..., Queued]) -> None:
    home = queued()
    shadow_queue.examine("taxi", COUNTS)
    before = contents(home.settings)
    assert shadow_queue.examine("taxi", COUNTS) == "release_undecided"
    assert contents(home.settings) == before


def test_killed_anywhere_and_run_again_it_ends_the_same(queued: Callable[..., Queued]) -> None:
    home = queued()
    with killed_after(0, WRITES) as writes:
        shadow_queue.examine("taxi", COUNTS)
    expected = contents(home.settings)
    assert len(writes) >= 3
    for number in range(1, len(writes) + 1):
        again = queued()
        with killed_after(number, WRITES), pytest.raises(Killed):
            shadow_queue.examine("taxi", COUNTS)
        assert shadow_queue.examine("taxi", COUNTS) == "release_undecided"
        assert contents(again.settings) == expected


def test_a_missing_package_is_an_alert_and_changes_nothing(queued: Callable[..., Queued]) -> None:
    home = queued()
    folder = next(each for each in home.settings.packages.iterdir() if each.name.startswith(home.digest))
    folder.rename(folder.with_name("gone"))
    assert shadow_queue.examine("taxi", COUNTS) is None
    assert set(measured(home)) == {home.before}
    alerts = warehouse.alerts(warehouse.engine(home.settings.warehouse_url), "taxi")
    assert [each.subject for each in alerts if "cannot be compared" in each.message] == [home.digest]


def test_it_is_promoted_by_people_as_every_challenger_and_counts_as_proven(queued: Callable[..., Queued]) -> None:
    home = queued()
    shadow_queue.examine("taxi", COUNTS)
    for who in (("tech_lead", "tess"), ("business_owner", "bob")):
        release.approve("taxi", UNDECIDED, *who, "Approve")
    assert release.promote("taxi", UNDECIDED) == home.digest
    champion = ledger.champion(warehouse.engine(home.settings.warehouse_url), "taxi")
    assert champion is not None
    assert champion.subject == home.digest
    line = lines.read(home.context.at(date.max), "other")
    assert line is not None
    assert line.terms[-1].admission is Admission.PROOF
    assert line.proven == home.digest


def forge(home: Queued, night: str, **changes: Any) -> Entry:
    """Append an entry like that of `examine`, as of `night`, without its evidence."""
    shadow_queue.examine("taxi", COUNTS)
    real = ledger_entries.read(home.entries(EntryKind.JUDGED_AGAIN)[-1], Verdict)
    assert real.queue is not None
    queue = replace(real.queue, night=date.fromisoformat(night))
    return ledger.append(
        warehouse.engine(home.settings.warehouse_url),
        kind=EntryKind.JUDGED_AGAIN,
        use_case="taxi",
        night=date.fromisoformat(UNDECIDED),
        subject=home.digest,
        payload=replace(real, **{"queue": queue} | changes),
        key=f"forged:{night}",
    )


@pytest.mark.parametrize(
    ("night", "changes", "message"),
    [
        (BEFORE, {}, "no night after its verdict counts"),
        ("2024-03-18", {}, "it was not in the shadow queue as of 2024-03-18"),
        (COUNTS, {"champion": "f" * 64}, "it was not in the shadow queue"),
        (COUNTS, {"queue": None}, "no evidence of a shadow queue"),
        ("2099-01-01", {}, "it was not in the shadow queue as of 2099-01-01"),
    ],
    ids=["before the evidence", "before the verdict", "another champion", "no record", "after its stay"],
)
def test_a_forged_entry_is_refused(
    night: str, changes: dict[str, Any], message: str, queued: Callable[..., Queued]
) -> None:
    home = queued()
    with pytest.raises(LedgerError, match=message):
        shadow_queue.require_shown_better(forge(home, night, **changes), home.context)


def test_a_forged_entry_on_a_model_that_is_no_better_promotes_nothing(queued: Callable[..., Queued]) -> None:
    home = queued()
    shadow_queue.examine("taxi", COUNTS)
    real = ledger_entries.read(home.entries(EntryKind.JUDGED_AGAIN)[-1], Verdict)
    bad = queued(nudge)
    ledger.append(
        warehouse.engine(bad.settings.warehouse_url),
        kind=EntryKind.JUDGED_AGAIN,
        use_case="taxi",
        night=date.fromisoformat(UNDECIDED),
        subject=bad.digest,
        payload=replace(real, champion=bad.champion, package=bad.digest),
        key="forged",
    )
    for who in (("tech_lead", "tess"), ("business_owner", "bob")):
        release.approve("taxi", UNDECIDED, *who, "Approve")
    with pytest.raises(LedgerError, match="it is not shown better"):
        release.promote("taxi", UNDECIDED)


def test_one_that_people_rejected_leaves_and_one_that_waits_is_not_judged_twice(queued: Callable[..., Queued]) -> None:
    home = queued()
    shadow_queue.examine("taxi", COUNTS)
    assert shadow_queue.examine("taxi", "2024-04-02") is None
    assert len(home.entries(EntryKind.JUDGED_AGAIN)) == 1
    ledger.append(
        warehouse.engine(home.settings.warehouse_url),
        kind=EntryKind.REJECTED,
        use_case="taxi",
        night=date.fromisoformat(UNDECIDED),
        subject=home.digest,
        payload=ApprovalRecord(role="tech_lead", user="tess", choice="rejected", evidence="e" * 64, signature="0"),
        key="taxi:rejected",
    )
    queue = queues.read(NightContext.load_night("taxi", "2024-04-02"))
    assert queue is not None
    assert queue.members == ()


def test_while_another_release_is_under_way_nothing_is_judged_again(queued: Callable[..., Queued]) -> None:
    home = queued()
    ledger.append(
        warehouse.engine(home.settings.warehouse_url),
        kind=EntryKind.SHADOW_STARTED,
        use_case="taxi",
        night=date.fromisoformat(UNDECIDED),
        subject="f" * 64,
        payload=ShadowStarted(trained_night=date.fromisoformat(UNDECIDED)),
        key="taxi:another",
    )
    assert shadow_queue.examine("taxi", COUNTS) is None
    assert home.entries(EntryKind.JUDGED_AGAIN) == ()


def test_packages_of_the_queue_are_pinned_and_people_see_the_evidence(queued: Callable[..., Queued]) -> None:
    home = queued()
    assert needs.find(home.context).live[home.digest] == "is undecided and stays in shadow"
    shadow_queue.examine("taxi", BEFORE)
    engine = warehouse.engine(home.settings.warehouse_url)
    status = queue_page.gather(engine, home.context.case)
    assert status is not None
    assert [(each.digest, each.recipe) for each in status.rows] == [(home.digest, "other"), (home.before, "")]
    assert status.rows[0].answer == "undecided: stays in shadow (e = 1.0 of 2.02 after 0 nights, 83 nights left)"
    shadow_queue.examine("taxi", COUNTS)
    status = queue_page.gather(engine, home.context.case)
    assert status is not None
    assert status.rows[0].answer.startswith("shown better (e = ")
