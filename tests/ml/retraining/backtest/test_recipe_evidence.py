"""The adoption of refreshes in a backtest: a drifting world in which a refresh helps, and faults that must be caught."""

from dataclasses import replace
from datetime import date, datetime, time, timedelta

import numpy as np
import pytest

from ml.promotion.adoption.admission import Admission
from ml.retraining.backtest import policies, recipe_evidence, simulation
from ml.retraining.backtest.context import BacktestContext, PolicyRun
from ml.retraining.backtest.history import BacktestHistory, TrainedModel, TrainingId, TrainingResult, Trainings
from ml.targets import binary
from ml.usecase import Adoption, Cost, Gates, Refit, Triggers
from ml.usecase.periods import Period
from tests.ml.usecase.test_use_case import use_case

FIRST, HISTORY, WALKED, ROWS = date(2024, 1, 1), 20, 154, 400
TARGET = binary.Target(cost=Cost(act=10, miss=50, averted=0.5), prior=0.3)
LENIENT = Refit(max_score_difference=0.9, max_flipped_share=0.9)
EVERY_TWO_WEEKS = policies.parse("every@14", Triggers())[0]
RNG = np.random.default_rng(8)
NIGHT = np.repeat(np.arange(HISTORY + WALKED), ROWS)
SIGNAL = RNG.normal(0, 1, (len(NIGHT), 2))
ANGLE = NIGHT / 150  # what predicts the label moves slowly from the first to the second signal
TRUTH = -1 + 1.2 * (np.cos(ANGLE) * SIGNAL[:, 0] + np.sin(ANGLE) * SIGNAL[:, 1])
SHOCK = RNG.normal(0, 0.3, HISTORY + WALKED)[NIGHT]
LABELS = (RNG.random(len(NIGHT)) < 1 / (1 + np.exp(-(TRUTH + SHOCK)))).astype(np.float64)


def night(number: int) -> date:
    return FIRST + timedelta(days=int(number))


def history() -> BacktestHistory:
    known = [datetime.combine(night(each), time(20)) for each in range(HISTORY + WALKED)]
    return BacktestHistory(
        nights=np.array([str(night(each)) for each in NIGHT], object),
        labels=LABELS,
        known_at=np.array(known, "datetime64[ns]")[NIGHT],
    )


def context(adoption: Adoption | None, **changes: object) -> BacktestContext:
    case = replace(
        use_case(), gates=Gates(judged_nights=7, max_judged_nights=14), refit=LENIENT, adoption=adoption, slices=()
    )
    period = Period(night(HISTORY), night(HISTORY + WALKED - 1))
    made = BacktestContext(case=case, history=PAST, period=period, use_gate=True)
    return replace(made, **changes)  # type: ignore[arg-type]


PAST = history()


def trained(training: TrainingId, shift: float = 0.0) -> TrainedModel:
    """Return the model that knows what predicted the label on the last night that it learned from, at a wrong level."""
    until, used = (training.night - timedelta(days=back) for back in (training.held_out + 1, 1))
    angle = (until - FIRST).days / 150
    noise = np.random.default_rng(training.night.toordinal()).normal(0, 0.05)
    raw = -1 + noise + 1.2 * (np.cos(angle) * SIGNAL[:, 0] + np.sin(angle) * SIGNAL[:, 1])
    later = PAST.nights > str(until)
    return TrainedModel(
        training=training,
        learned_until=str(until),
        used_until=str(used),
        rows=1000,
        loss=0.5,
        target=TARGET,
        scores=np.where(later, 1 / (1 + np.exp(-(raw + shift))), np.nan),
        baselines={},
    )


def walk(on: BacktestContext, bad: frozenset[date] = frozenset()) -> tuple[PolicyRun, Trainings]:
    """Return the walk of fortnightly refreshes; what would be released on the nights `bad` scores far too high."""
    trainings: dict[TrainingId, TrainingResult] = {}
    run, missing = simulation.advance(simulation.start(EVERY_TWO_WEEKS, on), on, trainings)
    while missing:
        trainings |= {each: trained(each, 1.5 if each.night in bad and not each.held_out else 0.0) for each in missing}
        run, missing = simulation.advance(run, on, trainings)
    return run, trainings


def admissions(run: PolicyRun) -> list[str]:
    return [str(record.admission) for record in run.records]


def loss(run: PolicyRun, on: BacktestContext, trainings: Trainings) -> float:
    rows = PAST.rows(on.period.first, on.period.last)
    scores = simulation.served_scores(run, on, trainings)[rows]
    return float(TARGET.row_loss(LABELS[rows], scores).mean())


def test_more_evidence_lets_in_more_and_loses_less() -> None:
    proof, licence, allowance = (context(each) for each in (None, Adoption(allowance=0), Adoption()))
    runs = [walk(each) for each in (proof, licence, allowance)]
    counts = [run.release_count for run, _ in runs]
    losses = [loss(run, on, trainings) for (run, trainings), on in zip(runs, (proof, licence, allowance), strict=True)]
    assert counts[0] < counts[1] <= counts[2]
    assert losses[0] > losses[1] >= losses[2]
    assert "licence" in admissions(runs[1][0])
    assert admissions(runs[2][0]).count("allowance") <= 6


def test_the_evidence_as_of_a_night_knows_nothing_of_later_nights() -> None:
    on = context(Adoption())
    run, trainings = walk(on)
    cut = on.decision_nights(EVERY_TWO_WEEKS)[6]
    later = PAST.nights > str(cut)
    other = replace(on, history=replace(PAST, labels=np.where(later, 1 - LABELS, LABELS)))
    before = replace(run, records=tuple(each for each in run.records if each.night < cut))
    assert recipe_evidence.record(before, cut, on, trainings) == recipe_evidence.record(before, cut, other, trainings)
    assert run.records[6].evidence == recipe_evidence.record(before, cut, on, trainings).evidence


def test_a_released_model_that_is_worse_is_rolled_back_to_its_predecessor() -> None:
    on = context(Adoption(max_score_shift=1.0, harm_budget=1e6))
    bad = on.decision_nights(EVERY_TWO_WEEKS)[2]
    run, trainings = walk(on, frozenset({bad}))
    (intervention,) = run.interventions
    assert intervention.reason.startswith("rolled back: shown worse than its predecessor after ")
    assert bad < intervention.night <= bad + timedelta(days=14)
    number = next(number for number, term in enumerate(run.champion_terms) if term.training.night == bad)
    put_back = run.champion_terms[number + 1]
    assert put_back.training == run.champion_terms[number - 1].training
    assert not put_back.is_adopted
    assert put_back.first_night == intervention.night + timedelta(days=1)
    assert isinstance(trainings[run.champion_terms[number].training], TrainedModel)


def test_a_run_of_bad_refreshes_stops_at_the_harm_budget() -> None:
    declared = Adoption(max_score_shift=1.0, rollback=1e9, harm_budget=0.5, allowance=20)
    on = context(declared)
    nights = on.decision_nights(EVERY_TWO_WEEKS)
    run, trainings = walk(on, frozenset(nights[2:]))
    ended = [each for each in run.interventions if each.ends_adoption]
    assert len(ended) == 1
    assert "harm budget" in ended[0].reason
    later = [record for record in run.records if record.night > ended[0].night]
    assert later
    assert {record.admission for record in later} <= {None, Admission.PROOF}
    unlabelled = 1.5  # what one more night may lose, before its labels come
    harm = recipe_evidence._harm(
        replace(run, champion_terms=run.champion_terms[: _index(run, ended[0].night)]), ended[0].night, on, trainings
    )
    assert declared.harm_budget < harm.sum() <= declared.harm_budget + unlabelled


def _index(run: PolicyRun, night_of_end: date) -> int:
    """Return the number of champions up to the night on which the adoption ended."""
    return sum(term.first_night <= night_of_end for term in run.champion_terms)


def test_another_first_recipe_is_replaced_by_proof_only() -> None:
    run, _ = walk(context(Adoption(), first_candidate="logistic"))
    adopted = [record.admission for record in run.records if record.admission is not None]
    assert adopted[0] is Admission.PROOF


@pytest.mark.parametrize("allowance", [0, 1, 3])
def test_the_allowance_is_not_overdrawn(allowance: int) -> None:
    run, _ = walk(context(Adoption(allowance=allowance, licence=1e9)))
    assert admissions(run).count("allowance") <= allowance


def test_a_halted_walk_continues_as_if_it_had_not_been_halted() -> None:
    on = context(Adoption())
    whole, trainings = walk(on)
    assert simulation.advance(simulation.start(EVERY_TWO_WEEKS, on), on, trainings) == (whole, frozenset())
