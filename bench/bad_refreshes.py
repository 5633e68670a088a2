"""Bad refreshes: how many the gate and the screen reject, and how soon the guard rolls the others back.

Each case is a refresh of a year of flights whose training data have a fault: in all nights; in only the latest ones,
which the judged model was not fitted on; or in the stored labels of these, so that the gate judges by them too. The
same refresh without a fault must pass. The harm of a refresh is its mean loss beyond that of the champion, on the 28
nights after its training, by the true labels. A refresh is rejected if it would not be adopted under a licence, which
is the weakest condition, or if training refuses its data. A night on which the refresh without a fault is rejected too
says nothing about the others, so that the shares are also given for the other nights alone.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from typing import Any

import numpy as np

from bench import workspace

USE_CASE, YEAR = "flights", "2013-01-01..2013-12-31"
NIGHTS = ("2013-04-25", "2013-07-18", "2013-09-05", "2013-10-24")
CADENCE, WATCHED, MAX_ROWS, LOG_ODDS_NOISE = 14, 28, 90_000, 0.5
LARGE_HARM, SMALL_HARM = 0.02, 0.005
_SEED = 7


class Place(StrEnum):
    """The nights whose training data have the fault; `STORED`: the labels that the gate judges by have it too."""

    ALL = "all nights"
    LATEST = "latest nights"
    STORED = "latest nights, as stored"


@dataclass(frozen=True, kw_only=True)
class Fault:
    """A fault of the training data.

    `labels` changes labels; it gets a number from 0 to 1 for each row, which is always the same for an entity. `rows` changes the training rows where the mask is true.
    `is_log_odds_noise` adds noise to the model's log-odds.
    """

    name: str
    labels: Callable[[Any, Any], Any] | None = None
    rows: Callable[[Any, Any, Any], Any] | None = None
    is_log_odds_noise: bool = False


def _constant_feature(rows: Any, mask: Any, _rng: Any) -> Any:
    name = "departure_minute"
    values = rows.frame[name].to_numpy(np.float64)
    return replace(rows, frame=rows.frame.assign(**{name: np.where(mask, values[0], values)}))


def _shuffled_weather(rows: Any, mask: Any, rng: Any) -> Any:
    names = [name for name in rows.frame if name.startswith(("visibility", "wind", "precipitation", "pressure"))]
    order = np.arange(len(rows.labels))
    order[mask] = rng.permutation(order[mask])
    return replace(rows, frame=rows.frame.assign(**{name: rows.frame[name].to_numpy()[order] for name in names}))


def _five_nights(rows: Any, mask: Any, _rng: Any) -> Any:
    latest = np.unique(rows.nights[mask])[-5:]
    return rows.select(np.isin(rows.nights, latest))


def _first_month(rows: Any, _mask: Any, _rng: Any) -> Any:
    return rows.select(rows.nights < "2013-02-01")


FAULTS = (
    Fault(name="none"),
    Fault(name="flipped labels", labels=lambda labels, _numbers: 1 - labels),
    Fault(
        name="a fifth of the labels flipped", labels=lambda labels, numbers: np.where(numbers < 0.2, 1 - labels, labels)
    ),
    Fault(name="lost positives", labels=lambda labels, _numbers: 0 * labels),
    Fault(name="half of the positives lost", labels=lambda labels, numbers: labels * (numbers < 0.5)),
    Fault(name="a constant feature", rows=_constant_feature),
    Fault(name="shuffled weather", rows=_shuffled_weather),
    Fault(name="five nights only", rows=_five_nights),
    Fault(name="another season's rows", rows=_first_month),
    Fault(name="noise of .5 in the log-odds", is_log_odds_noise=True),
)
_ONLY_IN_ALL_NIGHTS = ("five nights only", "another season's rows", "noise of .5 in the log-odds")


def run() -> dict[str, Any]:
    """Return each case with its harm, its answer, and the night of its rollback, and the shares that are caught."""
    with workspace.temporary():
        workspace.ingest(USE_CASE, YEAR)
        return measure()


def measure() -> dict[str, Any]:
    """Return the results in a home with all nights."""
    world = _World.load()
    cases = [
        world.case(night, champion, fault, place)
        for night, champion in world.champions()
        for fault in FAULTS
        for place in _places(fault)
    ]
    bad = [each for each in cases if each["fault"] != "none"]
    good = [each for each in cases if each["fault"] == "none"]
    passed = [each["night"] for each in good if not each["rejected"]]
    informative = [each for each in bad if each["night"] in passed]
    return {
        "large_harm": _caught(bad, LARGE_HARM),
        "small_harm": _caught(bad, SMALL_HARM),
        "large_harm_where_good_passes": _caught(informative, LARGE_HARM),
        "small_harm_where_good_passes": _caught(informative, SMALL_HARM),
        "refused_to_train": sum(each["harm"] is None for each in bad),
        "good": len(good),
        "good_rejected": len(good) - len(passed),
        "cases": cases,
    }


def _places(fault: Fault) -> tuple[Place, ...]:
    if fault.labels is not None:
        return tuple(Place)
    return (Place.ALL,) if fault.name in ("none", *_ONLY_IN_ALL_NIGHTS) else (Place.ALL, Place.LATEST)


def _caught(cases: list[dict[str, Any]], harm: float) -> dict[str, float]:
    harmful = [each for each in cases if each["harm"] is not None and each["harm"] > harm]
    rejected = sum(each["rejected"] for each in harmful)
    return {
        "cases": len(harmful),
        "rejected": rejected,
        "rejected_share": round(rejected / len(harmful), 4) if harmful else 1.0,
        "rolled_back": sum(not each["rejected"] and each["rolled_back_after"] is not None for each in harmful),
    }


@dataclass(frozen=True, kw_only=True)
class _World:
    """The context of a backtest with the gate, and the source of its trainings."""

    context: Any
    source: Any
    settings: Any

    @classmethod
    def load(cls) -> "_World":
        from include import usecases
        from include.settings import load_settings
        from include.steps import backtest
        from include.steps.backtest import trainings
        from include.steps.features import build
        from include.stores import table_snapshot
        from ml.retraining.backtest.context import BacktestContext
        from ml.usecase import Adoption

        case, settings = usecases.get(USE_CASE), load_settings()
        tables = table_snapshot.take(case, settings)
        for stage, table in (
            ("features", build.table(case.schedule)),
            ("valid", case.task.table),
            ("valid", case.entities),
        ):
            tables.version(stage, table)
        source = trainings.source(USE_CASE, tuple(tables.versions.items()))
        context = BacktestContext(
            case=replace(case, adoption=Adoption(allowance=len(NIGHTS))),
            history=backtest.build_history(case, source),
            period=case.schedule.parse(YEAR),
            use_gate=True,
        )
        return cls(context=context, source=source, settings=settings)

    def champions(self) -> Iterator[tuple[date, Any]]:
        """Yield each night, and the champion that its refreshes are compared with: the refresh before, without a fault."""
        from ml.retraining.backtest.history import TrainingId

        for text in NIGHTS:
            night = date.fromisoformat(text)
            training = TrainingId(night - timedelta(days=CADENCE))
            yield night, self._train(training, FAULTS[0], Place.ALL, held_out=1)

    def case(self, night: date, champion: Any, fault: Fault, place: Place) -> dict[str, Any]:
        """Return the answer to one refresh, its harm (None if it was not trained), and the nights until its rollback."""
        from ml.errors import RefusalError

        case: dict[str, Any] = {"night": str(night), "fault": fault.name, "place": str(place)}
        try:
            case |= self._answer(night, champion, fault, place)
        except RefusalError as refusal:
            case |= {"harm": None, "rejected": True, "reason": str(refusal), "rolled_back_after": None}
        print(case, flush=True)
        return case

    def _answer(self, night: date, champion: Any, fault: Fault, place: Place) -> dict[str, Any]:
        from ml.promotion.adoption.admission import Admission
        from ml.retraining.backtest import admission
        from ml.retraining.backtest.context import ChampionTerm, DecisionRecord, PolicyRun
        from ml.retraining.backtest.history import TrainingId
        from ml.retraining.backtest.policies import Scheduled

        before = night - timedelta(days=CADENCE)
        champion_id, refresh_id = TrainingId(before), TrainingId(night)
        (judged_id,) = (
            each
            for each in admission.trainings_against(night, self._matured_until(before), self.context)
            if each.held_out
        )
        trainings = {
            champion_id: champion,
            judged_id: self._train(judged_id, fault, place, held_out=judged_id.held_out),
            refresh_id: self._train(refresh_id, fault, place, held_out=judged_id.held_out),
        }
        context = self._with_stored_faults(fault, trainings[judged_id], place)
        policy = Scheduled(name="one refresh", interval_nights=CADENCE)
        first = ChampionTerm(first_night=before + timedelta(days=1), training=champion_id, is_adopted=False)
        run = PolicyRun(policy=policy, champion_terms=(first,))
        record = DecisionRecord(night=night, decision=policy.decision)
        answer = admission.judge(record, run, trainings[champion_id], context, trainings)
        rise = self._loss_rise(trainings[judged_id], trainings[refresh_id], context)
        adopted = ChampionTerm(
            first_night=night + timedelta(days=1), training=refresh_id, admission=Admission.ALLOWANCE
        )
        guarded = replace(run, champion_terms=(first, adopted))
        return {
            "harm": round(self._harm(trainings[champion_id], trainings[refresh_id], night), 4),
            "rejected": answer.outcome != admission.ADOPTED or rise > context.case.refit.max_loss_rise,
            "reason": answer.reason,
            "loss_rise": round(rise, 4),
            "rolled_back_after": self._rolled_back_after(guarded, night, trainings),
        }

    def _with_stored_faults(self, fault: Fault, judged: Any, place: Place) -> Any:
        """Return the context with the labels as they are stored."""
        if fault.labels is None or place is not Place.STORED:
            return self.context
        history = self.context.history
        is_faulty = (history.nights > judged.learned_until) & (history.nights <= judged.used_until)
        changed = fault.labels(history.labels, _numbers(self.source.rows))
        return replace(self.context, history=replace(history, labels=np.where(is_faulty, changed, history.labels)))

    @staticmethod
    def _loss_rise(judged: Any, refit: Any, context: Any) -> float:
        """Return how much higher the refit's loss is than the judged model's, on the judged nights; it learned from them."""
        history = context.history
        rows = (
            (history.nights > judged.learned_until) & (history.nights <= judged.used_until) & ~np.isnan(history.labels)
        )
        refitted, first = (
            judged.target.row_loss(history.labels[rows], each.scores[rows]).mean() for each in (refit, judged)
        )
        return float(refitted - first)

    def _matured_until(self, night: date) -> str:
        case = self.context.case
        return str(self.context.history.matured_nights(night, case.schedule.cutoff(night), case.matured_share)[-1])

    def _train(self, training: Any, fault: Fault, place: Place, *, held_out: int) -> Any:
        """Return the model of a training whose rows have the fault, in all nights or only in the latest `held_out`."""
        from include.steps.backtest import trainings as steps
        from include.steps.context import StepContext
        from include.steps.features import training_set
        from include.steps.train import candidates
        from include.steps.train.plan import SEED
        from ml import targets
        from ml.ingestion.availability import NIGHT
        from ml.retraining.backtest.history import TrainedModel
        from ml.training import baselines, fitting, splitting
        from ml.usecase import GradientBoosting

        case, rows, rng = self.context.case, self.source.rows, np.random.default_rng(_SEED)
        labelled = training_set.join_labels(
            case, training.night, rows[rows[NIGHT] <= str(training.night)], self.source.known
        )
        known = labelled.select(splitting.hold_out(labelled.nights, training.held_out).train)
        until_judged = str(labelled.nights[splitting.hold_out(labelled.nights, held_out).train].max())
        mask = np.full(len(known.labels), True) if place is Place.ALL else known.nights > until_judged
        spoilt = known
        if fault.labels is not None:
            changed = fault.labels(known.labels, _numbers(known.frame))
            spoilt = replace(known, labels=np.where(mask, changed, known.labels))
        if fault.rows is not None:
            spoilt = fault.rows(known, mask, rng)
        material_rows = steps.sample(spoilt, MAX_ROWS)
        target = targets.from_labels(case, material_rows.labels)
        context = StepContext(case=case, settings=self.settings)
        fitted = fitting.fit(GradientBoosting(), candidates.gather_material(context, material_rows, target, SEED))
        until = str((known if training.held_out else spoilt).nights.max())
        later = rows[NIGHT].to_numpy(object) > until_judged
        scores = np.full(len(rows), np.nan)
        scores[later] = fitted.model.predict(rows[later])
        if fault.is_log_odds_noise:
            raw = target.offsets.to_raw(scores[later]) + rng.normal(0, LOG_ODDS_NOISE, int(later.sum()))
            scores[later] = target.offsets.to_scores(raw)
        return TrainedModel(
            training=training,
            learned_from=str(spoilt.nights.min()),
            learned_until=until,
            used_until=str(labelled.nights.max()),
            rows=len(material_rows.labels),
            loss=0.0,
            target=targets.from_labels(case, labelled.labels),
            scores=scores,
            baselines={
                each.name: np.where(later, baselines.predict(each, rows, target.prior), np.nan)
                for each in case.baselines
            },
        )

    def _harm(self, champion: Any, refresh: Any, night: date) -> float:
        """Return the mean loss of the refresh beyond the champion's on the nights after its training."""
        history = self.context.history
        rows = history.rows(night + timedelta(days=1), night + timedelta(days=WATCHED))
        labels = history.labels[rows]
        known = ~np.isnan(labels)
        ours, theirs = (
            champion.target.row_loss(labels[known], each.scores[rows][known]).mean() for each in (refresh, champion)
        )
        return float(ours - theirs)

    def _rolled_back_after(self, run: Any, night: date, trainings: Any) -> int | None:
        """Return the number of nights after which the guard puts the champion back; None within four weeks."""
        from ml.retraining.backtest import recipe_evidence

        nights = (night + timedelta(days=offset) for offset in range(1, WATCHED + 1))
        back = (each for each in nights if recipe_evidence.intervene(run, each, self.context, trainings) is not None)
        first = next(back, None)
        return None if first is None else (first - night).days


def _numbers(rows: Any) -> Any:
    """Return a number from 0 to 1 for each row, by its entity."""
    from pandas.util import hash_array

    return hash_array(rows["entity"].to_numpy(object)) / 2.0**64
