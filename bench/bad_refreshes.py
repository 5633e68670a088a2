"""Bad refreshes: how many the gate and the screen reject, and how soon the guard rolls the others back.

Each case is a refresh of a year of flights whose training data have a fault: in all nights, or only in the latest ones,
which the judged model was not fitted on. The same refresh without a fault must pass. The harm of a refresh is its mean
loss beyond that of the champion, on the 28 nights after its training. A refresh is rejected if it would not be adopted
under a licence, which is the weakest condition.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import numpy as np

from bench import workspace

USE_CASE, YEAR = "flights", "2013-01-01..2013-12-31"
NIGHTS = ("2013-04-25", "2013-07-18", "2013-10-24")
CADENCE, WATCHED, MAX_ROWS, LOG_ODDS_NOISE = 14, 28, 90_000, 0.5
LARGE_HARM, SMALL_HARM = 0.02, 0.005
_SEED = 7


@dataclass(frozen=True, kw_only=True)
class Fault:
    """A fault of the training data: `spoil` returns the rows with the fault in those where the mask is true.

    `is_log_odds_noise` adds noise to the model's log-odds instead.
    """

    name: str
    spoil: Callable[[Any, Any, Any], Any]
    is_log_odds_noise: bool = False


def _labels(change: Callable[[Any, Any], Any]) -> Callable[[Any, Any, Any], Any]:
    return lambda rows, mask, rng: replace(rows, labels=np.where(mask, change(rows.labels, rng), rows.labels))


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
    Fault(name="none", spoil=lambda rows, _mask, _rng: rows),
    Fault(name="flipped labels", spoil=_labels(lambda labels, _rng: 1 - labels)),
    Fault(
        name="a fifth of the labels flipped",
        spoil=_labels(lambda labels, rng: np.abs(labels - (rng.random(len(labels)) < 0.2))),
    ),
    Fault(name="lost positives", spoil=_labels(lambda labels, _rng: 0 * labels)),
    Fault(
        name="half of the positives lost", spoil=_labels(lambda labels, rng: labels * (rng.random(len(labels)) < 0.5))
    ),
    Fault(name="a constant feature", spoil=_constant_feature),
    Fault(name="shuffled weather", spoil=_shuffled_weather),
    Fault(name="five nights only", spoil=_five_nights),
    Fault(name="another season's rows", spoil=_first_month),
    Fault(name="noise of .5 in the log-odds", spoil=lambda rows, _mask, _rng: rows, is_log_odds_noise=True),
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
        world.case(night, champion, fault, latest_only=latest_only)
        for night, champion in world.champions()
        for fault in FAULTS
        for latest_only in ((False,) if fault.name in ("none", *_ONLY_IN_ALL_NIGHTS) else (False, True))
    ]
    bad = [each for each in cases if each["fault"] != "none"]
    return {
        "large_harm": _caught(bad, LARGE_HARM),
        "small_harm": _caught(bad, SMALL_HARM),
        "good_rejected": sum(each["rejected"] for each in cases if each["fault"] == "none"),
        "cases": cases,
    }


def _caught(cases: list[dict[str, Any]], harm: float) -> dict[str, int]:
    harmful = [each for each in cases if each["harm"] > harm]
    return {
        "cases": len(harmful),
        "rejected": sum(each["rejected"] for each in harmful),
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
        for stage, table in (("features", build.table()), ("valid", case.task.table), ("valid", case.entities)):
            tables.version(stage, table)
        source = trainings.source(USE_CASE, tuple(tables.versions.items()))
        context = BacktestContext(
            case=replace(case, adoption=Adoption(allowance=len(NIGHTS))),
            history=backtest.build_history(case, source),
            period=case.horizon.parse(YEAR),
            use_gate=True,
        )
        return cls(context=context, source=source, settings=settings)

    def champions(self) -> Iterator[tuple[date, Any]]:
        """Yield each night, and the champion that its refreshes are compared with: the refresh before, without a fault."""
        from ml.retraining.backtest.history import TrainingId

        for text in NIGHTS:
            night = date.fromisoformat(text)
            training = TrainingId(night - timedelta(days=CADENCE))
            yield night, self._train(training, FAULTS[0], held_out=1, latest_only=False)

    def case(self, night: date, champion: Any, fault: Fault, *, latest_only: bool) -> dict[str, Any]:
        """Return the answer to one refresh, its harm, and after how many nights the guard rolled it back."""
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
            judged_id: self._train(judged_id, fault, held_out=judged_id.held_out, latest_only=latest_only),
            refresh_id: self._train(refresh_id, fault, held_out=judged_id.held_out, latest_only=latest_only),
        }
        policy = Scheduled(name="one refresh", interval_nights=CADENCE)
        first = ChampionTerm(first_night=before + timedelta(days=1), training=champion_id, is_adopted=False)
        run = PolicyRun(policy=policy, champion_terms=(first,))
        record = DecisionRecord(night=night, decision=policy.decision)
        answer = admission.judge(record, run, trainings[champion_id], self.context, trainings)
        adopted = ChampionTerm(
            first_night=night + timedelta(days=1), training=refresh_id, admission=Admission.ALLOWANCE
        )
        guarded = replace(run, champion_terms=(first, adopted))
        found = {
            "night": str(night),
            "fault": fault.name,
            "latest_only": latest_only,
            "harm": round(self._harm(trainings[champion_id], trainings[refresh_id], night), 4),
            "rejected": answer.outcome != admission.ADOPTED,
            "reason": answer.reason,
            "rolled_back_after": self._rolled_back_after(guarded, night, trainings),
        }
        print(found, flush=True)
        return found

    def _matured_until(self, night: date) -> str:
        case = self.context.case
        return str(self.context.history.matured_nights(night, case.horizon.cutoff(night), case.matured_share)[-1])

    def _train(self, training: Any, fault: Fault, *, held_out: int, latest_only: bool) -> Any:
        """Return the model of a training whose rows have the fault, in all nights or in the latest `held_out` only."""
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
        latest = splitting.hold_out(labelled.nights, held_out).holdout
        spoilt = labelled.select(splitting.hold_out(labelled.nights, training.held_out).train)
        mask = (latest if latest_only else np.full(len(latest), True))[: len(spoilt.labels)]
        material_rows = steps.sample(fault.spoil(spoilt, mask, rng), MAX_ROWS)
        target = targets.from_labels(case, material_rows.labels)
        context = StepContext(case=case, settings=self.settings)
        fitted = fitting.fit(GradientBoosting(), candidates.gather_material(context, material_rows, target, SEED))
        until = str(spoilt.nights.max())
        later = rows[NIGHT].to_numpy(object) > until
        scores = np.full(len(rows), np.nan)
        scores[later] = fitted.model.predict(rows[later])
        if fault.is_log_odds_noise:
            raw = target.offsets.to_raw(scores[later]) + rng.normal(0, LOG_ODDS_NOISE, int(later.sum()))
            scores[later] = target.offsets.to_scores(raw)
        return TrainedModel(
            training=training,
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
