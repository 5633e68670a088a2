"""The laws of a walk: decisions are production's, nobody looks ahead, and nothing depends on who else walks, or on halts."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.promotion import gate as promotion_gate
from ml.promotion.adoption.admission import Admission
from ml.retraining import triggers
from ml.retraining.backtest import policies, simulation
from ml.retraining.backtest.admission import ADOPTED, REFUSED
from ml.retraining.backtest.context import BacktestContext, PolicyRun
from ml.retraining.backtest.history import TrainedModel, TrainingId, TrainingRefusal, TrainingResult
from ml.retraining.backtest.policies import Policy, Triggered
from ml.retraining.triggers import ChampionFacts
from ml.statistics import intervals
from ml.usecase import Refit
from tests.ml.retraining.backtest import world
from tests.ml.retraining.backtest.world import HISTORY, TRIGGERS, WALKED

PAST = world.past()
FREE, GATED = world.scene(PAST), world.scene(PAST, gate=True)
ALL = "never,every@6,triggers,triggers@4,triggers:worth=9@4,shadow:margin=0.001@5,hindsight@6"


def read(text: str) -> tuple[Policy, ...]:
    return policies.parse(text, TRIGGERS)


def one(text: str) -> Policy:
    (policy,) = read(text)
    return policy


def test_never_trains_once() -> None:
    walk, grown = world.played(one("never"), FREE)
    assert list(grown) == [FREE.initial_training]
    assert (walk.training_count, walk.release_count, walk.records) == (0, 0, ())


def test_a_schedule_asks_at_each_look_and_each_model_answers_from_the_night_after() -> None:
    walk, _ = world.played(one("every@6"), FREE)
    asked = [world.night(HISTORY - 1 + 6 * place) for place in range(1, 7)]
    assert [look.night for look in walk.records if look.decision.retrain] == asked
    assert [(reign.training.night, reign.first_night) for reign in walk.champion_terms[1:]] == [
        (n, n + timedelta(days=1)) for n in asked
    ]


def known(walk: PolicyRun, night: date, grown: dict[TrainingId, TrainingResult]) -> ChampionFacts:
    """Return the facts of a night as they are counted row by row."""
    cutoff = FREE.case.schedule.cutoff(night).replace(tzinfo=None)
    champion = grown[walk.champion_terms[-1].training]
    since = {str(reign.first_night): grown[reign.training] for reign in walk.champion_terms}
    begins = max(str(night - timedelta(days=TRIGGERS.window_nights)), str(FREE.period.first))
    at = [
        row
        for row, (of, known_at) in enumerate(zip(PAST.nights, PAST.known_at, strict=True))
        if begins <= of <= str(night) and known_at <= np.datetime64(cutoff)
    ]
    scores = [since[max(each for each in since if each <= PAST.nights[row])].scores[row] for row in at]
    labels = PAST.labels[at]
    tried = [champion.night, *(look.night for look in walk.records if look.decision.retrain)]
    begin = np.datetime64(FREE.case.schedule.cutoff(champion.night).replace(tzinfo=None))
    lost = world.TARGET.row_loss(labels, np.array(scores)) if at else np.zeros(0)
    own = [
        row
        for row, of in enumerate(PAST.nights)
        if max(begins, str(walk.champion_terms[-1].first_night)) <= of <= str(night)
    ]
    expected = world.TARGET.estimate_performance(champion.scores[own])["log_loss"].value
    return ChampionFacts(
        night=night,
        matured_nights=len({PAST.nights[row] for row in at}),
        calibration_gap=float(np.mean(scores) - labels.mean()) if at else None,
        loss=float(lost.mean()) if at else None,
        loss_low=intervals.mean_by_night(lost, PAST.nights[at], 0.95, 20130207).low if at else None,
        estimated_loss=world.TARGET.estimate_performance(np.array(scores))["log_loss"].value if at else None,
        expected_loss=expected,
        reference_loss=champion.loss,
        new_labels=int(((PAST.known_at > begin) & (PAST.known_at <= np.datetime64(cutoff))).sum()),
        age_nights=(night - champion.night).days,
        trained_nights=tuple(tried),
    )


def test_decisions_are_those_of_production_on_facts_counted_row_by_row() -> None:
    policy = one("triggers")
    assert isinstance(policy, Triggered)
    walk, grown = world.played(policy, FREE)
    assert walk.training_count >= 2
    for place, look in enumerate(walk.records):
        before = replace(
            walk,
            records=walk.records[:place],
            champion_terms=tuple(reign for reign in walk.champion_terms if reign.first_night <= look.night),
        )
        expected = triggers.decide(policy.triggers, known(before, look.night, grown), FREE.case.schedule)
        assert (look.decision.retrain, look.decision.trigger) == (expected.retrain, expected.trigger)
        assert [each.state for each in look.decision.findings] == [each.state for each in expected.findings]
        for ours, theirs in zip(look.decision.findings, expected.findings, strict=True):
            assert ours.value == pytest.approx(theirs.value)


ALONE = {
    gate: {name: world.played(one(name), GATED if gate else FREE)[0] for name in ALL.split(",")}
    for gate in (False, True)
}


@pytest.mark.parametrize("gate", [False, True], ids=["no gate", "gate"])
@settings(max_examples=20)
@given(beside=st.lists(st.sampled_from(ALL.split(",")), unique=True, min_size=1))
def test_adding_a_policy_never_changes_another(gate: bool, beside: list[str]) -> None:
    scene, alone = GATED if gate else FREE, ALONE[gate]
    grown: dict[TrainingId, TrainingResult] = {}
    for name in beside:
        walk, grown = world.played(one(name), scene, grown)
        assert walk == alone[name]


@pytest.mark.parametrize("name", ALL.split(","))
def test_one_that_begins_anew_with_what_was_trained_walks_the_same_way(name: str) -> None:
    walk, grown = world.played(one(name), FREE)
    assert simulation.advance(simulation.start(one(name), FREE), FREE, grown) == (walk, frozenset())


@pytest.mark.parametrize("name", ["triggers", "triggers:worth=9", "every@6", "shadow:margin=0.001@5"])
def test_what_comes_after_a_night_changes_nothing_before_it(name: str) -> None:
    cut = world.night(HISTORY + WALKED // 2)
    known = PAST.known_at <= np.datetime64(FREE.case.schedule.cutoff(cut).replace(tzinfo=None))
    other = replace(PAST, labels=np.where(known, PAST.labels, 1 - PAST.labels))
    ours, theirs = (world.played(one(name), world.scene(rows))[0] for rows in (PAST, other))
    assert [each for each in ours.records if each.night <= cut] == [
        each for each in theirs.records if each.night <= cut
    ]


def test_hindsight_loses_least() -> None:
    losses = {}
    labelled = PAST.rows(FREE.period.first, FREE.period.last)
    for name in ("never", "every@6", "hindsight@6"):
        walk, grown = world.played(one(name), FREE)
        scores = simulation.served_scores(walk, FREE, grown)[labelled]
        losses[name] = world.TARGET.row_loss(PAST.labels[labelled], scores).sum()
    assert losses["hindsight@6"] <= min(losses.values())


def test_every_row_is_answered_by_the_model_of_its_night() -> None:
    walk, grown = world.played(one("every@6"), FREE)
    scores = simulation.served_scores(walk, FREE, grown)
    rows = PAST.rows(FREE.period.first, FREE.period.last)
    assert not np.isnan(scores[rows]).any()
    assert np.isnan(scores[: rows.start]).all()
    last = walk.champion_terms[-1]
    own = PAST.rows(last.first_night, FREE.period.last)
    np.testing.assert_array_equal(scores[own], grown[last.training].scores[own])


@pytest.mark.parametrize("refit", [None, Refit()], ids=["released as judged", "refitted"])
@pytest.mark.parametrize(
    ("policy", "least"),
    [
        pytest.param("every@6", world.HELD_OUT, id="all held-out nights"),
        pytest.param("every@2", 2, id="those not used yet"),
    ],
)
def test_the_gate_lets_in_what_production_s_gate_promotes(policy: str, least: int, refit: Refit | None) -> None:
    gates = replace(GATED.case.gates, judged_nights=least, max_judged_nights=world.HELD_OUT)
    scene = replace(GATED, case=replace(GATED.case, gates=gates, refit=refit))
    walk, grown = world.played(one(policy), scene)
    champion_id, outcomes = scene.initial_training, set()
    for record in walk.records:
        champion = grown[champion_id]
        assert isinstance(champion, TrainedModel)
        outcomes.add(record.outcome)
        if record.outcome == REFUSED:
            assert "matured nights after" in record.reason
            continue
        (judged_id,) = (each for each in grown if each.night == record.night and each.held_out)
        challenger = grown[judged_id]
        assert isinstance(challenger, TrainedModel)
        at = (PAST.nights > max(challenger.learned_until, champion.used_until)) & (PAST.nights <= challenger.used_until)
        assert len(set(PAST.nights[at])) == judged_id.held_out
        judged = promotion_gate.HoldoutScores(
            labels=PAST.labels[at],
            champion=champion.scores[at],
            challenger=challenger.scores[at],
            nights=PAST.nights[at],
            slices={},
            baselines={name: each[at] for name, each in challenger.baselines.items()},
        )
        verdict = promotion_gate.judge(judged, gates, promotion_gate.GateRule.REFRESH, challenger.target)
        assert record.reason == verdict.reason
        assert record.failed_checks == tuple(each.name for each in verdict.checks if each.status != "pass")
        assert (record.outcome == ADOPTED) == (verdict.outcome is promotion_gate.Outcome.PROMOTE)
        agrees = bool(record.agreement) and all(each.status == "pass" for each in record.agreement)
        assert record.refresh == (TrainingId(record.night) if agrees else judged_id)
        assert bool(record.agreement) == (refit is not None)
        champion_id = record.refresh if record.outcome == ADOPTED else champion_id
    assert len(outcomes) > 1


def test_without_a_declaration_of_adoption_no_refresh_is_adopted_unproven() -> None:
    walk, _ = world.played(one("every@4"), GATED)
    assert {record.admission for record in walk.records} <= {None, Admission.PROOF}


def test_a_training_that_had_too_little_is_refused_and_the_champion_stays() -> None:
    asked = world.night(HISTORY + 5)
    refused = {TrainingId(asked): TrainingRefusal(training=TrainingId(asked), reason="too few nights")}
    walk, _ = world.played(one("every@6"), FREE, refused)
    assert (walk.records[0].outcome, walk.records[0].reason) == (REFUSED, "too few nights")
    assert walk.training_count == walk.release_count + 1


def test_a_gate_refuses_to_judge_on_nights_that_the_champion_has_used() -> None:
    walk, _ = world.played(one("every@2"), GATED)
    refused = [look for look in walk.records if look.outcome == REFUSED]
    assert refused
    assert all("matured nights after" in look.reason for look in refused)


def test_a_trigger_waits_while_the_gate_could_not_judge() -> None:
    walk, _ = world.played(one("triggers:new_labels=1@1"), GATED)
    held_back = [look for look in walk.records if "because the gate could not judge" in look.decision.reason]
    assert held_back
    assert not any(look.decision.retrain for look in held_back)
    requested = [look for look in walk.records if look.decision.retrain]
    assert requested
    assert REFUSED not in {look.outcome for look in requested}


def first_reason(
    scene: BacktestContext, grown: dict[TrainingId, TrainingResult], night: date, excluded: np.ndarray
) -> str:
    """Return the reason of the gate's verdict on the challenger of `night` against the first champion, without some rows."""
    champion = grown[scene.initial_training]
    (challenger,) = (each for training, each in grown.items() if training.night == night and training.held_out)
    assert isinstance(champion, TrainedModel)
    assert isinstance(challenger, TrainedModel)
    nights = scene.history.nights
    at = (nights > max(challenger.learned_until, champion.used_until)) & (nights <= challenger.used_until) & ~excluded
    judged = promotion_gate.HoldoutScores(
        labels=scene.history.labels[at],
        champion=champion.scores[at],
        challenger=challenger.scores[at],
        nights=nights[at],
        slices={},
        baselines={name: each[at] for name, each in challenger.baselines.items()},
    )
    gates, refresh = scene.case.gates, promotion_gate.GateRule.REFRESH
    return promotion_gate.judge(judged, gates, refresh, challenger.target).reason


def test_a_label_that_is_corrected_after_the_verdict_is_not_judged_on_before() -> None:
    """The history has only the correction, which was not known at the verdict: the row is left out, and nothing else changes."""
    asked = FREE.decision_nights(one("every@6"))[0]
    row = PAST.rows(asked - timedelta(days=2), asked - timedelta(days=2)).start
    known_at = PAST.known_at.copy()
    known_at[row] = np.datetime64(f"{asked + timedelta(days=3)}T00:00")
    is_row = np.arange(len(known_at)) == row
    corrected = replace(PAST, known_at=known_at, labels=np.where(is_row, 1 - PAST.labels, PAST.labels))
    scene = world.scene(corrected, gate=True)
    walk, grown = world.played(one("every@6"), scene)
    first = walk.records[0]
    assert first.reason == first_reason(scene, grown, first.night, is_row)
    assert first.reason != first_reason(scene, grown, first.night, np.zeros(len(known_at), bool))
