"""Nights of the toy walked again, with real trainings: resumed as if nothing had been, and production's own decisions."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from include import usecases
from include.settings import PROJECT, Settings
from include.steps import backtest as step
from include.steps.backtest import BacktestRequest, BacktestRun, trainings
from include.steps.context import NightContext, StepContext
from include.steps.features import build, training_set
from include.steps.monitor import monitor
from include.steps.train import candidates
from include.steps.train.plan import SEED
from include.stores import ledger, packages, table_snapshot, warehouse
from ml import targets
from ml.errors import RefusalError, RequestError
from ml.governance.ledger_entries import EntryKind, RetrainingDecided
from ml.packaging import package_files
from ml.promotion.adoption.admission import Admission
from ml.retraining import triggers
from ml.retraining.backtest import policies, simulation
from ml.retraining.backtest.context import BacktestContext
from ml.retraining.backtest.history import TrainedModel, TrainingId
from ml.training import fitting
from ml.usecase import Drift, RetrainingPrice, Triggers, UseCase, periods
from ml.usecase.triggers import NAMES as THRESHOLDS
from tests import recorded
from tests.include.steps.conftest import LAST, contents
from tests.waiting import eventually

PERIOD = periods.parse("2024-03-17..2024-04-04")
ASKED = BacktestRequest(use_case="taxi", period=PERIOD, policies="never,every@6,triggers,hindsight@6", workers=1)
OPEN = Triggers(
    calibration_gap=0.001,
    loss_rise=0.01,
    loss_surprise=0.01,
    new_labels=1,
    age_nights=1,
    drift=Drift(psi_threshold=0.05, triggers_retraining=True),
    min_nights=1,
    cooldown_nights=0,
    worth=RetrainingPrice(risk=1.0),
)


@pytest.fixture(autouse=True)
def forget() -> None:
    """Let no test find another one's tables in memory."""
    trainings.source.cache_clear()


def walked(replayed: BacktestRun) -> tuple[object, ...]:
    return replayed.walks, replayed.results


def test_policies_are_walked_and_production_is_not_touched(weeks: Settings) -> None:
    before = contents(weeks)
    result = step.run(ASKED)
    assert [each.policy for each in result.results.policies] == ASKED.policies.split(",")
    assert [each.trainings for each in result.results.policies[:2]] == [0, 3]
    assert result.results.rows > 17 * 60
    assert contents(weeks) == before


def test_a_policy_that_recalibrates_needs_no_other_trainings_and_changes_scores_only(weeks: Settings) -> None:
    layer = "+recalibrate:every_nights=5:min_rows=60:gated=0"
    before = contents(weeks)
    result = step.run(replace(ASKED, policies=f"never,never{layer},every@6,every@6{layer}"))
    assert contents(weeks) == before
    assert result.cost.trained == 4
    by_name = {walk.policy.name: walk for walk in result.walks}
    results = {each.policy: each for each in result.results.policies}
    for name in ("never", "every@6"):
        plain, layered = by_name[name], by_name[name + layer]
        assert replace(layered, policy=plain.policy) == plain
        assert results[name].quality.loss != results[name + layer].quality.loss


def test_a_training_is_the_one_that_production_would_make_of_what_was_known(weeks: Settings, taxi: UseCase) -> None:
    result = step.run(replace(ASKED, policies="never"))
    night = date(2024, 3, 16)
    tables = table_snapshot.take(taxi, weeks)
    rows = training_set.read(NightContext(case=taxi, night=night, settings=weeks), tables)
    target = targets.from_labels(taxi, rows.labels)
    candidate = result.training_key.recipe.candidate
    fitted = fitting.fit(
        candidate, candidates.gather_material(StepContext(case=taxi, settings=weeks), rows, target, SEED)
    )
    later = build.read(weeks.lake, taxi, "2024-03-17").sort_values(["night", "entity"])
    kept = trainings.gather(result.training_key, [TrainingId(night)], 1, lambda _: None)[TrainingId(night)]
    assert isinstance(kept, TrainedModel)
    np.testing.assert_array_equal(kept.scores[-len(later) :], fitted.model.predict(later))
    assert kept.loss == pytest.approx(target.row_loss(rows.labels[fitted.out_of_fold], fitted.scores).mean())
    assert (kept.learned_until, kept.rows) == (rows.nights.max(), len(rows.labels))


def test_one_that_is_stopped_goes_on_from_what_was_trained(weeks: Settings) -> None:
    undisturbed = step.run(ASKED)
    shutil.rmtree(weeks.backtests)

    def stop(done: int, _known: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        step.run(ASKED, stop)
    resumed = step.run(ASKED)
    assert resumed.cost.reused == 2
    assert resumed.cost.trained == undisturbed.cost.trained - 2
    assert walked(resumed) == walked(undisturbed)


def test_a_training_that_was_damaged_is_made_again(weeks: Settings) -> None:
    whole = step.run(ASKED)
    scores = next(weeks.backtests.rglob("scores.f8"))
    scores.write_bytes(scores.read_bytes()[:-8])
    mended = step.run(ASKED)
    assert mended.cost.trained == 1
    assert walked(mended) == walked(whole)


def test_two_processes_come_to_the_same_as_one(weeks: Settings) -> None:
    alone = step.run(replace(ASKED, policies="every@6"))
    shutil.rmtree(weeks.backtests)
    together = step.run(replace(ASKED, policies="every@6", workers=2))
    assert together.cost.trained == 4
    assert walked(together) == walked(alone)


PARENT = """
import os, time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from include.steps.backtest import trainings
if __name__ == "__main__":
    pool = ProcessPoolExecutor(1, get_context("spawn"), trainings.init_worker, ([],))
    print(pool.submit(os.getpid).result(), flush=True)
    time.sleep(60)
"""


def lives(process: str) -> bool:
    """Return whether a process is there and more than a name that nobody has asked for yet."""
    try:
        return "State:\tZ" not in (Path("/proc") / process / "status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_processes_end_with_the_one_that_began_them_however_it_ends(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    environment = os.environ | {"PYTHONPATH": str(PROJECT)}
    with subprocess.Popen(
        [sys.executable, script], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
    ) as parent:
        assert parent.stdout is not None
        child = parent.stdout.readline().decode().strip()
        lived = lives(child)
        parent.kill()
    assert lived
    eventually(lambda: None if lives(child) else True, seconds=60)


def test_the_gate_holds_nights_out_and_says_why_it_refuses(weeks: Settings, taxi: UseCase) -> None:
    result = step.run(replace(ASKED, policies="never,every@6", gate=True))
    judged = TrainingId(date(2024, 3, 22), taxi.gates.judged_nights)
    kept = trainings.gather(result.training_key, [judged], 1, lambda _: None)[judged]
    assert isinstance(kept, TrainedModel)
    held_out = date.fromisoformat(kept.used_until) - date.fromisoformat(kept.learned_until)
    assert held_out == timedelta(days=taxi.gates.judged_nights)
    assert list(kept.baselines) == [each.name for each in taxi.baselines]
    assert {check.name.split("=")[0] for check in kept.checks} == {"group zone"}
    looks = result.walks[1].records
    assert all(look.reason for look in looks)
    assert all(bool(look.failed_checks) == (look.admission is not Admission.PROOF) for look in looks)


def test_another_recipe_and_other_code_are_other_trainings(weeks: Settings) -> None:
    order = step.run(replace(ASKED, policies="never")).training_key
    others = (
        replace(order, recipe=replace(order.recipe, max_rows=500)),
        replace(order, recipe=replace(order.recipe, calibrated=False)),
        replace(order, code="another"),
        replace(order, reads=tuple((name, version + 1) for name, version in order.reads)),
    )
    assert len({order.digest, *(each.digest for each in others)}) == 1 + len(others)


def test_at_most_so_many_rows_are_drawn_from_all_nights(weeks: Settings) -> None:
    result = step.run(replace(ASKED, policies="never", max_rows=400, calibrated=False))
    training = TrainingId(date(2024, 3, 16))
    first = trainings.gather(result.training_key, [training], 1, lambda _: None)[training]
    assert isinstance(first, TrainedModel)
    assert first.rows == 400
    rows = trainings.source("taxi", result.training_key.reads)
    drawn = trainings.sample(training_set.join_labels(rows.case, date(2024, 3, 16), rows.rows, rows.known), 400)
    assert len(set(drawn.nights)) == 15


def test_thresholds_around_the_triggers_are_walked_too(weeks: Settings) -> None:
    result = step.run(replace(ASKED, policies="triggers@6", sensitivity=True))
    assert result.sensitivity is not None
    moved = [f"triggers:new_labels={int(280 * factor)}@6" for factor in step.SENSITIVITY_FACTORS]
    assert [each.policy for each in result.sensitivity.policies] == ["triggers@6", *moved]


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        ({"policies": "sometimes"}, RequestError, "got 'sometimes'"),
        ({"candidate": "guess"}, RequestError, "one of .*'logistic'.*, got 'guess'"),
        (
            {"period": periods.parse("2024-03-17..2024-05-01")},
            RefusalError,
            "found 2024-03-01 to 2024-04-04",
        ),
        (
            {"period": periods.parse("2024-03-01..2024-03-20")},
            RefusalError,
            "expected features of nights before 2024-03-01",
        ),
        (
            {"period": periods.parse("2024-03-03..2024-03-20")},
            RefusalError,
            "the first model of the backtest cannot be trained",
        ),
    ],
    ids=["policy", "candidate", "nights to come", "nothing before", "too little before"],
)
def test_what_cannot_be_walked_is_told_with_what_to_do(
    weeks: Settings, change: dict[str, object], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        step.run(replace(ASKED, **change))


def test_a_use_case_of_which_nothing_landed_is_told_to_ingest(home: Settings, taxi: UseCase) -> None:
    with pytest.raises(RefusalError, match="ingest history first"):
        step.run(ASKED)


def test_a_night_is_decided_as_the_monitor_decides_it(
    arrive: Callable[[str], Settings], taxi: UseCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The champion of production is put into a walk; the facts, and so the decision, are those in the ledger."""
    settings = arrive("monitor")
    case = replace(taxi, triggers=OPEN)
    monkeypatch.setattr(usecases, "get", lambda _: case)
    monkeypatch.setattr(candidates, "gate_refusal", lambda *_: "")  # a backtest asks the gate when it trains
    for night in ("2024-03-17", "2024-03-18"):
        monitor.measure("taxi", night)
    engine = warehouse.engine(settings.warehouse_url)
    (decided,) = recorded.payloads(
        settings, EntryKind.RETRAINING_DECIDED, RetrainingDecided, night=periods.parse("2024-03-18").last
    )
    champion = ledger.champion(engine, "taxi")
    assert champion is not None
    files = packages.get(settings.packages, champion.subject, settings.trusted_keys)
    facts = package_files.facts(files)
    tables = table_snapshot.take(case, settings)
    tables.version("features", "entities")
    made_from = trainings.source("taxi", tuple(tables.versions.items()))
    first = periods.parse(LAST).first
    model = TrainedModel(
        training=TrainingId(first),
        learned_until=str(facts["fitted"][1]),  # type: ignore[index]  # two ISO dates
        used_until=str(facts["used_until"]),
        rows=0,
        loss=float(str(facts["log_loss"])),
        target=targets.from_facts(case, facts),
        scores=package_files.load(files).predict(made_from.rows),
    )
    period = periods.parse("2024-03-17..2024-03-18")
    scene = BacktestContext(
        case=case, history=step.build_history(case, made_from, with_drift=True), period=period, use_gate=False
    )
    (policy,) = policies.parse("triggers", case.triggers)
    observed = simulation.observe(simulation.start(policy, scene), OPEN, period.last, scene, {TrainingId(first): model})
    ours = triggers.decide(OPEN, observed, case.schedule)
    assert (ours.retrain, ours.trigger, ours.reason) == (decided.retrain, decided.trigger, decided.reason)
    assert {each.trigger: each.value for each in ours.findings} == pytest.approx(
        {each["trigger"]: each["value"] for each in decided.findings}
    )
    assert {each.trigger for each in ours.findings} == set(THRESHOLDS) - {"expected_loss_rise"}
