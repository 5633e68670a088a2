"""Training: fit the candidates side by side as of a night, and compare the best with the champion.

The three steps pass references: `prepare` pins the inputs, `fit` stores the files of one candidate, and `judge`
compares the candidates. Each may run again, or twice at once.
"""

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TypedDict

from include import provenance
from include.settings import Settings
from include.steps.context import NightContext
from include.steps.features import training_set
from include.steps.features.training_set import LabelledRows
from include.steps.train import adoption, attempts, candidates, champion, diagnostics, records, refit, resource_trends
from include.steps.train import plan as plans
from include.steps.train.candidates import CandidateSelection
from include.steps.train.champion import Champion
from include.steps.train.plan import Plan
from include.steps.train.records import TrainingRecord
from include.stores import candidate_store, ledger, table_snapshot, warehouse
from include.usecases import function_sources
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
    """The task of fitting one candidate: the digest of the plan, and the candidate's name."""

    plan: str
    candidate: str


def train(use_case: str, night: str, trigger: str, *, tune: bool = False) -> bool:
    """Prepare, fit and judge as of `night` in this process; return whether a challenger earned a release.

    Raises what `prepare`, `fit` and `judge` raise.
    """
    fit_tasks = prepare(use_case, night, trigger, tune=tune)
    for each in fit_tasks:
        fit(use_case, night, each["plan"], each["candidate"])
    return judge(use_case, night, fit_tasks)


def prepare(use_case: str, night: str, trigger: str, *, tune: bool = False) -> list[FitTask]:
    """Pin the inputs of a training as of `night`, and return its fit tasks; [] when the night has a verdict.

    `tune` searches the hyperparameters again, which makes the challenger a change; otherwise earlier ones are kept.

    A night with a verdict is not judged again, unless there is no champion yet and the data or the declarations have
    changed since. Too little training data leads to an inconclusive verdict at once. Raises LeakError when a feature
    leaks, DataError when one is infinite in some rows, RequestError when `trigger` is "bootstrap" although there is a
    champion, or is not although there is none, and FeatureError when features do not mean what is declared now.
    """
    context = NightContext.load_night(use_case, night)
    previous = attempts.verdicts(context)
    if attempts.current_verdict(context, previous):
        return []
    promoted = _promoted(context, trigger)
    champion_model, tables = champion.read(promoted, context), table_snapshot.take(context.case, context.settings)
    training_set.check_finite(context, tables)
    refusal = None
    try:
        candidates.check_leaks(
            context.case,
            candidates.rows(context, tables, champion_model.used_until).training_rows,
            context.night,
            tables,
        )
    except RefusalError as error:
        refusal = error
    plan = Plan(
        use_case=context.case.name,
        night=str(context.night),
        trigger=trigger,
        tune=tune,
        reads=tables.versions,
        champion=champion_model.digest,
        used_until=champion_model.used_until,
        declared=attempts.declaration_digest(context.case),
        code=provenance.code_version(),
        key=attempts.verdict_key(context.case, context.night, previous),
    )
    if refusal:
        _record(context, plan, _inconclusive(refusal, plan))
        return []
    plans.put(plan, context.settings)
    return [FitTask(plan=plan.digest, candidate=each.name) for each in context.case.candidates]


def fit(use_case: str, night: str, plan: str, candidate: str) -> None:
    """Fit one candidate of the training prepared as `plan`, and store its files; nothing once the plan has a verdict.

    For a candidate that cannot be fitted, the reason is stored. Raises LeakError when its quality indicates a leak, and
    RequestError when the use case or the code have changed since `prepare`.
    """
    context = NightContext.load_night(use_case, night)
    if _verdict(context, plan):
        return
    planned = plans.get(context, plan)
    path = plans.candidate_path(planned, candidate, context.settings)
    if not candidate_store.is_intact(path):
        started = time.perf_counter()
        try:
            files = candidates.fit_candidate(context, planned, candidate)
            resource_trends.record_seconds(context, candidate, time.perf_counter() - started)
        except RefusalError as refusal:
            files = candidate_files.pack_refusal(refusal)
        candidate_store.put(path, files)
    if _verdict(context, plan):  # a parallel run was faster and has judged already
        plans.remove(context)


def judge(use_case: str, night: str, fit_tasks: Sequence[FitTask]) -> bool:
    """Compare the best candidate of `fit_tasks` with the champion; return whether it earned a release.

    The verdict goes into the ledger with every number, and the candidate files are removed. Raises CandidateFilesError
    when candidate files are missing or damaged.
    """
    context = NightContext.load_night(use_case, night)
    plan = fit_tasks[0]["plan"] if fit_tasks else None
    verdict = _verdict(context, plan)
    if verdict is None:
        planned = plans.get(context, str(plan))
        try:
            result = _compare_with_champion(context, planned)
        except RefusalError as refusal:
            result = _inconclusive(refusal, planned)
        verdict = _record(context, planned, result)
    resource_trends.record(context, verdict)  # also if an earlier try was interrupted after its verdict
    plans.remove(context)
    return ledger_entries.read(verdict, Verdict).outcome == Outcome.PROMOTE


def _verdict(context: NightContext, plan: str | None) -> Entry | None:
    """Return the verdict on a plan; without a plan, the last verdict of the night."""
    judged = [each for each in attempts.verdicts(context) if plan in (None, ledger_entries.read(each, Verdict).plan)]
    return judged[-1] if judged else None


def _inconclusive(refusal: RefusalError, plan: Plan) -> tuple[Verdict, str]:
    verdict = Verdict(outcome=Outcome.INCONCLUSIVE, reason=str(refusal), table_versions=dict(plan.reads))
    return verdict, "none"


def _record(context: NightContext, plan: Plan, result: tuple[Verdict, str]) -> Entry:
    verdict, subject = result
    budget = attempts.describe_budget(context)
    return ledger.append(
        context.engine,
        kind=EntryKind.JUDGED,
        use_case=context.case.name,
        night=context.night,
        subject=subject,
        payload=replace(
            verdict,
            trigger=plan.trigger,
            declared=plan.declared,
            plan=plan.digest,
            code=plan.code,
            budget=budget or None,
        ),
        key=plan.key,
    )


def _promoted(context: NightContext, trigger: str) -> Entry | None:
    """Return the promotion of the champion that a challenger of the night is compared with; None for a first model."""
    promoted = ledger.champion(context.engine, context.case.name, before_night=context.night)
    if promoted is None and trigger != BOOTSTRAP:
        raise RequestError(
            f"{context.case.name} has no champion yet: train the first one with the reason {BOOTSTRAP!r}"
        )
    if promoted is not None and trigger == BOOTSTRAP:
        raise RequestError(
            f"{context.case.name} has the champion {promoted.subject[:12]}: {BOOTSTRAP!r} is for the first one only"
        )
    return promoted


def _compare_with_champion(context: NightContext, plan: Plan) -> tuple[Verdict, str]:
    """Return the verdict on the best candidate compared with the champion, and the digest of its package."""
    tables = table_snapshot.take(context.case, context.settings, plan.reads)
    rows = candidates.rows(context, tables, plan.used_until)
    selection = candidates.select(context, plan, rows.training_rows)
    recipe = recipes.digest(context.case, selection.best.candidate, function_sources.function_sources(context.case))
    target = selection.target
    champion_model = champion.read(_champion_entry(plan, context.settings), context).scored_on(
        rows.judged.frame, target.prior
    )
    frozen = _freeze_rows(context.case, rows.judged, champion_model, selection)
    model_findings = diagnostics.measure(
        context.case, target, selection.best, rows.training_rows, rows.judged, frozen, tables
    )
    verdict = gate.judge(
        frozen, context.case.gates, champion_model.bar(recipe), target, extra_checks=model_findings.fairness_checks
    )
    waiting = training_set.unlabelled_rows(context, tables, str(rows.judged.nights.max()))
    refit_result = refit.run(context, plan, rows, selection, frozen, waiting, verdict)
    learned = rows.training_rows if refit_result is None else rows.labelled
    admitted = adoption.admit(
        context, tables, selection, frozen, waiting, learned, champion_model, recipe, verdict, refit_result
    )
    training = TrainingRecord(
        case=context.case,
        night=context.night,
        plan=plan,
        tables=tables,
        selection=selection,
        recipe=recipe,
        judged=rows.judged,
        frozen=frozen,
        champion=champion_model,
        findings=model_findings,
        verdict=admitted.verdict,
        admission=admitted.admission,
        adoption=admitted.record,
        refit_result=refit_result,
    )
    return records.write(training, context.settings)


def _champion_entry(plan: Plan, settings: Settings) -> Entry | None:
    """Return the promotion of the champion that the plan names."""
    if plan.champion is None:
        return None
    engine = warehouse.engine(settings.warehouse_url)
    return ledger.entries(engine, use_case=plan.use_case, kind=EntryKind.PROMOTED, subject=plan.champion)[-1]


def _freeze_rows(
    case: UseCase, judged: LabelledRows, champion_model: Champion, selection: CandidateSelection
) -> HoldoutScores:
    """Return the judged rows with the scores of champion, challenger and baselines."""
    levels = {each.feature: judged.frame[each.feature].astype(str).to_numpy(object) for each in case.slices}
    return HoldoutScores(
        labels=judged.labels,
        champion=champion_model.scores,
        challenger=selection.best.model.predict(judged.frame),
        nights=judged.nights,
        slices=intervals.slice_masks(case.slices, levels),
        baselines={each.name: baselines.predict(each, judged.frame, selection.target.prior) for each in case.baselines},
    )
