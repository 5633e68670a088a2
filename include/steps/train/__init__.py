"""Features and labels to a verdict: candidates fitted side by side as of a night, the best held against the champion.

Three steps hand over references: `prepare` holds still what the others read, `fit` leaves a draft of one candidate,
`judge` compares the drafts. Each may run again, or twice at once.
"""

import time
from collections.abc import Sequence
from datetime import date
from typing import Any, TypedDict

from include import provenance, usecases
from include.settings import Settings, load_settings
from include.steps.features.training_set import Labelled
from include.steps.train import attempts, candidates, champion, diagnostics, records, refit, resource_trends
from include.steps.train import plan as plans
from include.steps.train.candidates import Contest
from include.steps.train.champion import Champion
from include.steps.train.plan import Plan
from include.steps.train.records import Training
from include.stores import candidate_store, ledger, table_snapshot, warehouse
from include.usecases import function_sources
from ml import periods
from ml.errors import RefusalError, RequestError
from ml.governance.hash_chain import Entry
from ml.packaging import candidate_files
from ml.promotion import gate
from ml.promotion.gate import Judged, Outcome
from ml.rollout.state import Kind
from ml.statistics import intervals
from ml.training import baselines, recipes
from ml.usecase import UseCase

BOOTSTRAP = "bootstrap"


class Asked(TypedDict):
    """One candidate's part of a training: the digest of the plan, and the candidate's name."""

    plan: str
    candidate: str


def train(use_case: str, night: str, trigger: str, *, tune: bool = False) -> bool:
    """Fit, choose and judge as of `night`, all in this process; return whether a challenger earned a release.

    Raises what `prepare`, `fit` and `judge` raise.
    """
    asked = prepare(use_case, night, trigger, tune=tune)
    for each in asked:
        fit(use_case, night, each["plan"], each["candidate"])
    return judge(use_case, night, asked)


def prepare(use_case: str, night: str, trigger: str, *, tune: bool = False) -> list[Asked]:
    """Hold still what a training as of `night` reads and meets, and return what is to be fitted; [] when it is judged.

    `tune` searches the candidates' settings anew, which makes the challenger a change; else those found before are kept.

    A night that has a verdict is not judged again, unless no model was let in by then and the data or the declarations
    have been mended since. Where there is too little to learn from, that is the verdict.
    Raises LeakError when a feature knows too much, RequestError when `trigger` does not fit what is there, FeatureError
    when the rows have features that mean something else than what is declared.
    """
    case, when, settings = usecases.get(use_case), periods.parse(night).last, load_settings()
    before = attempts.judged(case, when, settings)
    if attempts.standing(case, before, settings):
        return []
    promoted = _promoted(case, when, trigger, settings)
    met, tables = champion.read(promoted, case, settings), table_snapshot.take(case, settings)
    refusal = None
    try:
        candidates.check_leaks(case, candidates.rows(case, when, tables, met.used_until, settings).learned, when, tables)
    except RefusalError as error:
        refusal = error
    plan = Plan(
        use_case=case.name,
        night=str(when),
        trigger=trigger,
        tune=tune,
        reads=tables.versions,
        champion=met.digest,
        used_until=met.used_until,
        declared=attempts.declared(case),
        code=provenance.code(),
        key=attempts.key(case, when, before),
    )
    if refusal:
        _record(case, when, plan, _refused(refusal), settings)
        return []
    plans.put(plan, settings)
    return [Asked(plan=plan.digest, candidate=each.name) for each in case.candidates]


def fit(use_case: str, night: str, plan: str, candidate: str) -> None:
    """Leave the draft of one candidate of the training that was prepared as `plan`; nothing once that has its verdict.

    A candidate that cannot be fitted leaves why. Raises LeakError when it knows too much, RequestError when the use case or
    the code were changed since.
    """
    case, when, settings = usecases.get(use_case), periods.parse(night).last, load_settings()
    if _verdict(case, when, plan, settings):
        return
    planned = plans.get(case, when, plan, settings)
    place = plans.draft(planned, candidate, settings)
    if not candidate_store.whole(place):
        began = time.perf_counter()
        try:
            files = candidates.enter(case, when, planned, candidate, settings)
            resource_trends.timed(case, when, candidate, time.perf_counter() - began, settings)
        except RefusalError as refusal:
            files = candidate_files.refused(refusal)
        candidate_store.put(place, files)
    if _verdict(case, when, plan, settings):  # another task of this candidate was faster, and all is over
        plans.forget(case, when, settings)


def judge(use_case: str, night: str, asked: Sequence[Asked]) -> bool:
    """Hold the best of the candidates `asked` for against the champion; return whether it earned a release.

    The verdict goes into the ledger with every number, and the drafts go. Raises DraftError when a draft is not whole.
    """
    case, when, settings = usecases.get(use_case), periods.parse(night).last, load_settings()
    plan = asked[0]["plan"] if asked else None
    told = _verdict(case, when, plan, settings)
    if told is None:
        planned = plans.get(case, when, str(plan), settings)
        try:
            found = _challenge(case, when, planned, settings)
        except RefusalError as refusal:
            found = _refused(refusal)
        told = _record(case, when, planned, found, settings)
    resource_trends.keep(case, when, told, settings)  # also after a verdict that was all that an earlier try got to
    plans.forget(case, when, settings)
    return bool(told.payload["outcome"] == Outcome.PROMOTE)


def _verdict(case: UseCase, night: date, plan: str | None, settings: Settings) -> Entry | None:
    """Return the verdict on a plan, or the last one of the night when there was nothing to plan."""
    judged = [each for each in attempts.judged(case, night, settings) if plan in (None, each.payload.get("plan"))]
    return judged[-1] if judged else None


def _refused(refusal: RefusalError) -> tuple[dict[str, Any], str]:
    return {"outcome": Outcome.INCONCLUSIVE, "reason": str(refusal)}, "none"


def _record(case: UseCase, night: date, plan: Plan, found: tuple[dict[str, Any], str], settings: Settings) -> Entry:
    payload, subject = found
    asked = {"trigger": plan.trigger, "declared": plan.declared, "reads": dict(plan.reads), "plan": plan.digest}
    spent = attempts.budget(case, night, settings)
    asked |= {"budget": spent} if spent else {}
    return ledger.append(
        warehouse.engine(settings.warehouse_url),
        kind="judged",
        use_case=case.name,
        night=night,
        subject=subject,
        payload=asked | payload,
        key=plan.key,
    )


def _promoted(case: UseCase, night: date, trigger: str, settings: Settings) -> Entry | None:
    """Return the promotion of the champion that a challenger of `when` meets; None for the first."""
    promoted = ledger.champion(warehouse.engine(settings.warehouse_url), case.name, before_night=night)
    if promoted is None and trigger != BOOTSTRAP:
        raise RequestError(f"{case.name} has no champion yet: train the first one with the reason {BOOTSTRAP!r}")
    if promoted is not None and trigger == BOOTSTRAP:
        raise RequestError(
            f"{case.name} has the champion {promoted.subject[:12]}: {BOOTSTRAP!r} is for the first one only"
        )
    return promoted


def _challenge(case: UseCase, night: date, plan: Plan, settings: Settings) -> tuple[dict[str, Any], str]:
    """Return the ledger's payload and the package's digest of the best candidate's meeting with the champion."""
    tables = table_snapshot.take(case, settings, plan.reads)
    rows = candidates.rows(case, night, tables, plan.used_until, settings)
    held = candidates.hold(case, plan, rows.learned, settings)
    recipe = recipes.digest(case, held.best.candidate, function_sources.sources(case))
    target = held.target
    met = champion.read(_met(plan, settings), case, settings).on(rows.judged.frame, target.prior)
    frozen = _frozen(case, rows.judged, met, held)
    found = diagnostics.measure(case, target, held.best, rows.learned, rows.judged, frozen, tables)
    verdict = gate.judge(frozen, case.gates, met.bar(recipe), target, also=found.gates)
    training = Training(
        case=case,
        when=night,
        plan=plan,
        tables=tables,
        contest=held,
        recipe=recipe,
        judged=rows.judged,
        frozen=frozen,
        met=met,
        found=found,
        verdict=verdict,
        refitting=refit.after(verdict, case, plan, rows, held, frozen, settings),
    )
    return records.leave(training, settings)


def _met(plan: Plan, settings: Settings) -> Entry | None:
    """Return the promotion of the champion that the plan names."""
    if plan.champion is None:
        return None
    engine = warehouse.engine(settings.warehouse_url)
    return ledger.entries(engine, use_case=plan.use_case, kind=Kind.PROMOTED, subject=plan.champion)[-1]


def _frozen(case: UseCase, judged: Labelled, met: Champion, held: Contest) -> Judged:
    """Return the judged rows as everybody answers them: champion, challenger and baselines."""
    levels = {each.by: judged.frame[each.by].astype(str).to_numpy(object) for each in case.slices}
    return Judged(
        labels=judged.labels,
        champion=met.scores,
        challenger=held.best.model.predict(judged.frame),
        nights=judged.nights,
        slices=intervals.slices(case.slices, levels),
        baselines={each.name: baselines.answer(each, judged.frame, held.target.prior) for each in case.baselines},
    )
