"""Features and labels to a verdict: candidates fitted side by side as of a night, the best held against the champion.

Three steps hand over references: `prepare` holds still what the others read, `fit` leaves a draft of one candidate,
`judge` compares the drafts. Each may run again, or twice at once.
"""

import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import TypedDict

from include import provenance, usecases
from include.settings import Settings, load_settings
from include.steps.features.training_set import LabelledRows
from include.steps.train import attempts, candidates, champion, diagnostics, records, refit, resource_trends
from include.steps.train import plan as plans
from include.steps.train.candidates import CandidateSelection
from include.steps.train.champion import Champion
from include.steps.train.plan import Plan
from include.steps.train.records import TrainingRecord
from include.stores import candidate_store, ledger, table_snapshot, warehouse
from include.usecases import function_sources
from ml import periods
from ml.errors import RefusalError, RequestError
from ml.governance import ledger_entries
from ml.governance.hash_chain import Entry
from ml.governance.ledger_entries import EntryKind, Verdict
from ml.packaging import candidate_files
from ml.promotion import gate
from ml.promotion.gate import HoldoutScores, Outcome
from ml.statistics import intervals
from ml.training import baselines, recipes
from ml.usecase import UseCase

BOOTSTRAP = "bootstrap"


class FitTask(TypedDict):
    """One candidate's part of a training: the digest of the plan, and the candidate's name."""

    plan: str
    candidate: str


def train(use_case: str, night: str, trigger: str, *, tune: bool = False) -> bool:
    """Fit, choose and judge as of `night`, all in this process; return whether a challenger earned a release.

    Raises what `prepare`, `fit` and `judge` raise.
    """
    fit_tasks = prepare(use_case, night, trigger, tune=tune)
    for each in fit_tasks:
        fit(use_case, night, each["plan"], each["candidate"])
    return judge(use_case, night, fit_tasks)


def prepare(use_case: str, night: str, trigger: str, *, tune: bool = False) -> list[FitTask]:
    """Hold still what a training as of `night` reads and meets, and return what is to be fitted; [] when it is judged.

    `tune` searches the candidates' settings anew, which makes the challenger a change; else those found before are kept.

    A night that has a verdict is not judged again, unless no model was let in by then and the data or the declarations
    have been mended since. Where there is too little to learn from, that is the verdict.
    Raises LeakError when a feature knows too much, RequestError when `trigger` does not fit what is there, FeatureError
    when the rows have features that mean something else than what is declared.
    """
    case, night_date, settings = usecases.get(use_case), periods.parse(night).last, load_settings()
    previous = attempts.verdicts(case, night_date, settings)
    if attempts.current_verdict(case, previous, settings):
        return []
    promoted = _promoted(case, night_date, trigger, settings)
    champion_model, tables = champion.read(promoted, case, settings), table_snapshot.take(case, settings)
    refusal = None
    try:
        candidates.check_leaks(
            case,
            candidates.rows(case, night_date, tables, champion_model.used_until, settings).learned,
            night_date,
            tables,
        )
    except RefusalError as error:
        refusal = error
    plan = Plan(
        use_case=case.name,
        night=str(night_date),
        trigger=trigger,
        tune=tune,
        reads=tables.versions,
        champion=champion_model.digest,
        used_until=champion_model.used_until,
        declared=attempts.declaration_digest(case),
        code=provenance.code_version(),
        key=attempts.verdict_key(case, night_date, previous),
    )
    if refusal:
        _record(case, night_date, plan, _inconclusive(refusal, plan), settings)
        return []
    plans.put(plan, settings)
    return [FitTask(plan=plan.digest, candidate=each.name) for each in case.candidates]


def fit(use_case: str, night: str, plan: str, candidate: str) -> None:
    """Leave the draft of one candidate of the training that was prepared as `plan`; nothing once that has its verdict.

    A candidate that cannot be fitted leaves why. Raises LeakError when it knows too much, RequestError when the use case or
    the code were changed since.
    """
    case, night_date, settings = usecases.get(use_case), periods.parse(night).last, load_settings()
    if _verdict(case, night_date, plan, settings):
        return
    planned = plans.get(case, night_date, plan, settings)
    path = plans.candidate_path(planned, candidate, settings)
    if not candidate_store.is_intact(path):
        started = time.perf_counter()
        try:
            files = candidates.fit_candidate(case, night_date, planned, candidate, settings)
            resource_trends.record_seconds(case, night_date, candidate, time.perf_counter() - started, settings)
        except RefusalError as refusal:
            files = candidate_files.pack_refusal(refusal)
        candidate_store.put(path, files)
    if _verdict(case, night_date, plan, settings):  # another task of this candidate was faster, and all is over
        plans.remove(case, night_date, settings)


def judge(use_case: str, night: str, fit_tasks: Sequence[FitTask]) -> bool:
    """Compare the best of the candidates of `fit_tasks` with the champion; return whether it earned a release.

    The verdict goes into the ledger with every number, and the drafts go. Raises DraftError when a draft is not whole.
    """
    case, night_date, settings = usecases.get(use_case), periods.parse(night).last, load_settings()
    plan = fit_tasks[0]["plan"] if fit_tasks else None
    verdict = _verdict(case, night_date, plan, settings)
    if verdict is None:
        planned = plans.get(case, night_date, str(plan), settings)
        try:
            result = _compare_with_champion(case, night_date, planned, settings)
        except RefusalError as refusal:
            result = _inconclusive(refusal, planned)
        verdict = _record(case, night_date, planned, result, settings)
    resource_trends.record(
        case, night_date, verdict, settings
    )  # also after a verdict that was all that an earlier try got to
    plans.remove(case, night_date, settings)
    return ledger_entries.read(verdict, Verdict).outcome == Outcome.PROMOTE


def _verdict(case: UseCase, night: date, plan: str | None, settings: Settings) -> Entry | None:
    """Return the verdict on a plan, or the last one of the night when there was nothing to plan."""
    judged = [
        each
        for each in attempts.verdicts(case, night, settings)
        if plan in (None, ledger_entries.read(each, Verdict).plan)
    ]
    return judged[-1] if judged else None


def _inconclusive(refusal: RefusalError, plan: Plan) -> tuple[Verdict, str]:
    verdict = Verdict(outcome=Outcome.INCONCLUSIVE, reason=str(refusal), table_versions=dict(plan.reads))
    return verdict, "none"


def _record(case: UseCase, night: date, plan: Plan, result: tuple[Verdict, str], settings: Settings) -> Entry:
    verdict, subject = result
    budget = attempts.describe_budget(case, night, settings)
    return ledger.append(
        warehouse.engine(settings.warehouse_url),
        kind=EntryKind.JUDGED,
        use_case=case.name,
        night=night,
        subject=subject,
        payload=replace(verdict, trigger=plan.trigger, declared=plan.declared, plan=plan.digest, budget=budget or None),
        key=plan.key,
    )


def _promoted(case: UseCase, night: date, trigger: str, settings: Settings) -> Entry | None:
    """Return the promotion of the champion that a challenger of `night` meets; None for the first."""
    promoted = ledger.champion(warehouse.engine(settings.warehouse_url), case.name, before_night=night)
    if promoted is None and trigger != BOOTSTRAP:
        raise RequestError(f"{case.name} has no champion yet: train the first one with the reason {BOOTSTRAP!r}")
    if promoted is not None and trigger == BOOTSTRAP:
        raise RequestError(
            f"{case.name} has the champion {promoted.subject[:12]}: {BOOTSTRAP!r} is for the first one only"
        )
    return promoted


def _compare_with_champion(case: UseCase, night: date, plan: Plan, settings: Settings) -> tuple[Verdict, str]:
    """Return the verdict on the best candidate beside the champion, and the digest of its package."""
    tables = table_snapshot.take(case, settings, plan.reads)
    rows = candidates.rows(case, night, tables, plan.used_until, settings)
    selection = candidates.select(case, plan, rows.learned, settings)
    recipe = recipes.digest(case, selection.best.candidate, function_sources.function_sources(case))
    target = selection.target
    champion_model = champion.read(_champion_entry(plan, settings), case, settings).scored_on(
        rows.judged.frame, target.prior
    )
    frozen = _freeze_rows(case, rows.judged, champion_model, selection)
    model_findings = diagnostics.measure(case, target, selection.best, rows.learned, rows.judged, frozen, tables)
    verdict = gate.judge(
        frozen, case.gates, champion_model.bar(recipe), target, extra_checks=model_findings.fairness_checks
    )
    training = TrainingRecord(
        case=case,
        night=night,
        plan=plan,
        tables=tables,
        selection=selection,
        recipe=recipe,
        judged=rows.judged,
        frozen=frozen,
        champion=champion_model,
        findings=model_findings,
        verdict=verdict,
        refit_result=refit.run_if_promoted(verdict, case, plan, rows, selection, frozen, settings),
    )
    return records.write(training, settings)


def _champion_entry(plan: Plan, settings: Settings) -> Entry | None:
    """Return the promotion of the champion that the plan names."""
    if plan.champion is None:
        return None
    engine = warehouse.engine(settings.warehouse_url)
    return ledger.entries(engine, use_case=plan.use_case, kind=EntryKind.PROMOTED, subject=plan.champion)[-1]


def _freeze_rows(
    case: UseCase, judged: LabelledRows, champion_model: Champion, selection: CandidateSelection
) -> HoldoutScores:
    """Return the judged rows as everybody answers them: champion, challenger and baselines."""
    levels = {each.feature: judged.frame[each.feature].astype(str).to_numpy(object) for each in case.slices}
    return HoldoutScores(
        labels=judged.labels,
        champion=champion_model.scores,
        challenger=selection.best.model.predict(judged.frame),
        nights=judged.nights,
        slices=intervals.slice_masks(case.slices, levels),
        baselines={each.name: baselines.predict(each, judged.frame, selection.target.prior) for each in case.baselines},
    )
