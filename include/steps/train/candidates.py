"""The candidates: each fitted, measured on nights ahead and tried as served by itself, then the one chosen for the gate."""

import logging
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

from include import provenance
from include.settings import Settings
from include.steps.features import training_set
from include.steps.features.training_set import Labelled
from include.steps.train import plan as plans
from include.steps.train import serving_trial, tuning
from include.steps.train.plan import Plan
from include.stores import candidate_store, packages, table_snapshot
from include.stores.signing import model_signing
from include.stores.table_snapshot import Snapshot
from include.usecases import coherence
from ml import targets
from ml.errors import RequestError
from ml.evaluation import permutation_importance
from ml.evaluation.permutation_importance import Worth
from ml.features import ENTITY
from ml.governance import privacy
from ml.packaging import candidate_files, package_files
from ml.packaging.package_files import Package
from ml.promotion.acceptance_tests import Trial
from ml.targets import Target
from ml.training import fitting, leakage, selection, splitting
from ml.training.fitting import Fitted, Material
from ml.training.selection import Choice, Contender
from ml.usecase import Candidate, UseCase

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Rows:
    """All labelled rows: those that candidates may learn from, and the later ones that one of them is judged on."""

    labelled: Labelled
    learned: Labelled
    judged: Labelled


@dataclass(frozen=True, kw_only=True)
class Contest:
    """The contenders and the choice among them; `worths` says what each feature is worth to the `best`."""

    learned: Labelled
    contenders: tuple[Contender, ...]
    choice: Choice
    best: Fitted
    worths: tuple[Worth, ...]
    target: Target


def rows(case: UseCase, night: date, tables: Snapshot, used_until: str, settings: Settings) -> Rows:
    """Return the labelled rows as of a night, divided; raises RefusalError when there are too few, or FeatureError."""
    labelled = training_set.read(case, night, tables, settings)
    parts = splitting.split(labelled.nights, case.gates, used_until)
    return Rows(labelled=labelled, learned=labelled.where(parts.fitted), judged=labelled.where(parts.judged))


def check_leaks(case: UseCase, learned: Labelled, night: date, tables: Snapshot) -> None:
    """Raise LeakError when a feature of the rows learned from knows too much."""
    target = targets.learned(case, learned.labels)
    future = training_set.at_event(case, learned, night, tables)
    hidden = set(case.feature_names) - set(privacy.telling(case, case.feature_names, coherence.needs(case), "logs"))
    seen = learned.frame[list(case.feature_names)]
    leakage.check_features(
        seen, learned.labels, learned.nights, future, case.gates, target=target, settled=case.settled, hidden=hidden
    )


def enter(case: UseCase, night: date, plan: Plan, name: str, settings: Settings) -> dict[str, bytes]:
    """Return the draft of the candidate `name`: tuned, fitted, scored ahead, and its package tried as it would be served.

    Raises LeakError when it knows too much, RefusalError when it cannot be fitted, RequestError when it is not declared.
    """
    learned = rows(case, night, table_snapshot.take(case, settings, plan.reads), plan.used_until, settings).learned
    target = targets.learned(case, learned.labels)
    material = gathered(case, learned, target, plan.seed, settings)
    candidate = tuning.settled(case, _declared(case, name), night, material, settings, anew=plan.tune)
    count = sum(1 for _ in splitting.folds(learned.nights))
    _LOG.info("fitting %s on %d rows", name, len(learned.labels))
    fitted = fitting.fit(candidate, material, lambda fold: _LOG.info("fitting %s: fold %d of %d", name, fold, count))
    ahead = learned.where(fitted.ahead)
    quality = target.measure(ahead.labels, fitted.scores, ahead.nights)
    leakage.check_quality(quality, case.gates)
    package = package_files.pack(
        fitted.model, ahead.frame, provenance.facts(), {"requirements.txt": provenance.serving()}
    )
    trial = _tried(case, package, ahead, night, settings)
    contender = Contender(
        name=name,
        quality=quality,
        p99_latency_ms=trial.p99_ms,
        package_mb=sum(map(len, package.files.values())) / 1e6,
        memory_mb=trial.memory_mb,
    )
    _LOG.info("%s: %s %.5f ahead, %s", name, target.words.loss, quality.loss, contender.takes)
    return candidate_files.pack(fitted, package, contender)


def hold(case: UseCase, plan: Plan, learned: Labelled, settings: Settings) -> Contest:
    """Return the choice among the candidates' drafts.

    Raises RefusalError when a candidate could not be fitted or none can be chosen, DraftError when one's draft is not whole.
    """
    target = targets.learned(case, learned.labels)
    entered = [
        candidate_files.load(candidate_store.get(plans.draft(plan, each.name, settings)), each, target)
        for each in case.candidates
    ]
    contenders = tuple(each.contender for each in entered)
    choice = selection.choose(contenders, case.latency_budget, case.size_budget)
    (best,) = (each.fitted(learned.nights) for each in entered if each.contender.name == choice.name)
    worths = permutation_importance.measure(
        best,
        learned.frame,
        learned.labels,
        learned.nights,
        case.features,
        target=target,
        confidence=case.gates.confidence,
        seed=plan.seed,
    )
    return Contest(learned=learned, contenders=contenders, choice=choice, best=best, worths=worths, target=target)


def gathered(case: UseCase, learned: Labelled, target: Target, seed: int, settings: Settings) -> Material:
    """Return the rows as candidates learn from them."""
    return fitting.gather(
        learned.frame,
        learned.labels,
        learned.nights,
        case.feature_names,
        target=target,
        seed=seed,
        threads=settings.threads,
        texts=case.texts,
        recency=case.weighting,
    )


def _declared(case: UseCase, name: str) -> Candidate:
    for each in case.candidates:
        if each.name == name:
            return each
    raise RequestError(
        f"expected a candidate of {case.name}, one of {[each.name for each in case.candidates]}, got {name!r}"
    )


def _tried(case: UseCase, package: Package, ahead: Labelled, night: date, settings: Settings) -> Trial:
    """Return what serving the package took, on rows that its candidate had not learned from."""
    sampled = serving_trial.sample(ahead.frame[[ENTITY, *case.feature_names]])
    with TemporaryDirectory() as folder:
        packages.put(Path(folder), package.digest, model_signing.signed(package.digest, package.files, settings))
        trial, _ = serving_trial.run(Path(folder), package.digest, sampled, case.feature_names, night, settings)
    return trial
