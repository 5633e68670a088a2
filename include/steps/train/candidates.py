"""The candidates of a training: fit each, measure it on later nights, probe its serving; choose one for the gate."""

import logging
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

from include import provenance
from include.steps.context import NightContext, StepContext
from include.steps.features import training_set
from include.steps.features.training_set import LabelledRows
from include.steps.train import plan as plans
from include.steps.train import serving_trial, tuning
from include.steps.train.plan import Plan
from include.stores import candidate_store, packages, table_snapshot
from include.stores.signing import model_signing
from include.stores.table_snapshot import TableSnapshot
from include.usecases import coherence
from ml import targets
from ml.errors import RefusalError, RequestError
from ml.evaluation import permutation_importance
from ml.evaluation.permutation_importance import FeatureImportance
from ml.features import ENTITY
from ml.governance import privacy
from ml.packaging import candidate_files, package_files
from ml.packaging.package_files import Package
from ml.promotion.acceptance_tests import ServingProbe
from ml.targets import Target
from ml.training import fitting, leakage, selection, splitting
from ml.training.candidate_comparison import OutOfFoldRows
from ml.training.fitting import FittedCandidate, TrainingData
from ml.training.selection import CandidateResult, Choice
from ml.usecase import Candidate, UseCase

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class SplitRows:
    """All labelled rows: those that candidates are trained on, and the later ones that the chosen one is judged on."""

    labelled: LabelledRows
    training_rows: LabelledRows
    judged: LabelledRows


@dataclass(frozen=True, kw_only=True)
class CandidateSelection:
    """The fitted candidates and the choice among them; `importances` are the feature importances of `best`."""

    training_rows: LabelledRows
    contenders: tuple[CandidateResult, ...]
    choice: Choice
    best: FittedCandidate
    importances: tuple[FeatureImportance, ...]
    target: Target


def rows(context: NightContext, tables: TableSnapshot, used_until: str) -> SplitRows:
    """Return the labelled rows as of a night, split.

    Raises RefusalError when there are too few, and FeatureError when they were built from other declarations.
    """
    labelled = training_set.read(context, tables)
    parts = splitting.split(labelled.nights, context.case.gates, used_until)
    return SplitRows(
        labelled=labelled, training_rows=labelled.select(parts.train), judged=labelled.select(parts.holdout)
    )


def gate_refusal(context: NightContext, used_until: str) -> str:
    """Return why a training as of the context's night could not be judged; "" if it could.

    `used_until` is the last night that the champion was fitted or judged on, as an ISO date.
    """
    try:
        rows(context, table_snapshot.take(context.case, context.settings), used_until)
    except RefusalError as refusal:
        return str(refusal)
    return ""


def check_leaks(case: UseCase, training_rows: LabelledRows, night: date, tables: TableSnapshot) -> None:
    """Raise LeakError when a feature of the training rows leaks the label or the future."""
    target = targets.from_labels(case, training_rows.labels)
    future = training_set.lookups_at_event(case, training_rows, night, tables)
    hidden = set(case.feature_names) - set(
        privacy.features_allowed_in(case, case.feature_names, coherence.function_parameters(case), "logs")
    )
    feature_frame = training_rows.frame[list(case.feature_names)]
    leakage.check_features(
        feature_frame,
        training_rows.labels,
        training_rows.nights,
        future,
        case.gates,
        target=target,
        deterministic_levels=case.deterministic_levels,
        hidden=hidden,
    )


def fit_candidate(context: NightContext, plan: Plan, name: str) -> dict[str, bytes]:
    """Return the files of the candidate `name`: tuned, fitted, measured on later nights, and its serving probed.

    Raises LeakError when its quality indicates a leak, RefusalError when it cannot be fitted, and RequestError when it
    is not declared.
    """
    training_rows = rows(
        context, table_snapshot.take(context.case, context.settings, plan.reads), plan.used_until
    ).training_rows
    target = targets.from_labels(context.case, training_rows.labels)
    material = gather_material(context, training_rows, target, plan.seed)
    candidate = tuning.tuned_candidate(context, _declared(context.case, name), material, force=plan.tune)
    count = sum(1 for _ in splitting.folds(training_rows.nights))
    _LOG.info("fitting %s on %d rows", name, len(training_rows.labels))
    fitted = fitting.fit(candidate, material, lambda fold: _LOG.info("fitting %s: fold %d of %d", name, fold, count))
    out_of_fold = training_rows.select(fitted.out_of_fold)
    quality = target.measure(out_of_fold.labels, fitted.scores, out_of_fold.nights)
    leakage.check_quality(quality, context.case.gates)
    package = package_files.pack(
        fitted.model, out_of_fold.frame, provenance.facts(), {"requirements.txt": provenance.serving_lock()}
    )
    probe = _probe_serving(context, package, out_of_fold)
    contender = CandidateResult(
        name=name,
        quality=quality,
        p99_latency_ms=probe.p99_ms,
        package_mb=sum(map(len, package.files.values())) / 1e6,
        memory_mb=probe.memory_mb,
    )
    _LOG.info("%s: out-of-fold %s %.5f, %s", name, target.display_names.loss, quality.loss, contender.resource_summary)
    return candidate_files.pack(fitted, package, contender)


def select(context: StepContext, plan: Plan, training_rows: LabelledRows) -> CandidateSelection:
    """Return the choice among the fitted candidates.

    Raises RefusalError when a candidate could not be fitted or none can be chosen, and CandidateFilesError when a
    candidate's files are missing or damaged.
    """
    target = targets.from_labels(context.case, training_rows.labels)
    fitted_candidates = [
        candidate_files.load(candidate_store.get(plans.candidate_path(plan, each.name, context.settings)), each, target)
        for each in context.case.candidates
    ]
    contenders = tuple(each.contender for each in fitted_candidates)
    out_of_fold = training_rows.select(splitting.validated(training_rows.nights))
    choice = selection.choose(
        contenders,
        OutOfFoldRows(
            labels=out_of_fold.labels,
            nights=out_of_fold.nights,
            scores={each.contender.name: each.scores for each in fitted_candidates},
        ),
        target,
        confidence=context.case.gates.confidence,
        latency=context.case.latency_budget,
        size=context.case.size_budget,
    )
    (best,) = (each.restore(training_rows.nights) for each in fitted_candidates if each.contender.name == choice.name)
    importances = permutation_importance.measure(
        best,
        training_rows.frame,
        training_rows.labels,
        training_rows.nights,
        context.case.model_features,
        target=target,
        confidence=context.case.gates.confidence,
        seed=plan.seed,
    )
    return CandidateSelection(
        training_rows=training_rows,
        contenders=contenders,
        choice=choice,
        best=best,
        importances=importances,
        target=target,
    )


def gather_material(context: StepContext, training_rows: LabelledRows, target: Target, seed: int) -> TrainingData:
    """Return the rows as training data for candidates."""
    return fitting.prepare(
        training_rows.frame,
        training_rows.labels,
        training_rows.nights,
        context.case.feature_names,
        target=target,
        seed=seed,
        threads=context.settings.threads,
        texts=context.case.texts,
        recency=context.case.weighting,
    )


def _declared(case: UseCase, name: str) -> Candidate:
    for each in case.candidates:
        if each.name == name:
            return each
    raise RequestError(
        f"expected a candidate of {case.name}, one of {[each.name for each in case.candidates]}, got {name!r}"
    )


def _probe_serving(context: NightContext, package: Package, out_of_fold: LabelledRows) -> ServingProbe:
    """Return the serving probe of the package, on out-of-fold rows of its candidate."""
    sampled = serving_trial.sample(out_of_fold.frame[[ENTITY, *context.case.feature_names]])
    with TemporaryDirectory() as folder:
        packages.put(Path(folder), package.digest, model_signing.sign(package.digest, package.files, context.settings))
        probe, _ = serving_trial.run(
            Path(folder), package.digest, sampled, context.case.feature_names, context.night, context.settings
        )
    return probe
