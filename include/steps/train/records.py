"""The records of a training: a signed package, its card and plots, a run in MLflow, and the verdict for the ledger."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date

from include import provenance
from include.settings import Settings
from include.steps.context import NightContext, StepContext
from include.steps.features import build, feature_pins, training_profile
from include.steps.features.training_set import LabelledRows
from include.steps.train import diagnostics, model_card
from include.steps.train.candidates import CandidateSelection
from include.steps.train.champion import Champion
from include.steps.train.plan import Plan
from include.steps.train.refit import RefitResult
from include.stores import packages, registry
from include.stores.signing import model_signing
from include.stores.table_snapshot import TableSnapshot
from ml.evaluation.diagnostics import Diagnostics
from ml.governance import environment_diff, hash_chain, ledger_entries
from ml.governance.checks import Check
from ml.governance.ledger_entries import (
    AdoptionRecord,
    CandidateRecord,
    ComparisonRecord,
    EntryKind,
    EvaluationRows,
    RefitRecord,
    StoredInterval,
    Verdict,
)
from ml.model_card import card as cards
from ml.model_card import sections
from ml.model_card.card import ModelCard
from ml.monitoring import reference_profile
from ml.packaging import package_files
from ml.packaging.package_files import Package
from ml.promotion.adoption.admission import Admission
from ml.promotion.gate import HoldoutScores, PromotionVerdict
from ml.promotion.refit_equivalence import RefitComparison
from ml.scoring import manifest
from ml.statistics.intervals import Interval
from ml.training.fitting import Model
from ml.usecase import UseCase
from ml.usecase.safe_names import safe_name

_EVIDENCE = (  # the fields of a verdict that an approval is bound to
    "champion",
    "champion_error",
    "rule",
    "gain",
    "cost_gain",
    "evaluation",
    "checks",
    "candidates",
    "comparisons",
    "choice",
    "table_versions",
    "features_without_benefit",
    "diagnostics",
    "refit",
    "recipe",
    "centred_gain",
    "admission",
    "adoption",
    "queue",
)


@dataclass(frozen=True, kw_only=True)
class TrainingRecord:
    """A challenger that was compared with the champion on the `judged` rows, and all intermediate results."""

    case: UseCase
    night: date
    plan: Plan
    tables: TableSnapshot
    selection: CandidateSelection
    recipe: str
    judged: LabelledRows
    frozen: HoldoutScores
    champion: Champion
    findings: Diagnostics
    verdict: PromotionVerdict
    admission: Admission | None
    adoption: AdoptionRecord | None
    refit_result: RefitResult | None

    @property
    def spans(self) -> dict[str, tuple[str, str]]:
        """The first and last night of the rows trained on, and of the rows judged on."""
        rows = {"fitted": self.selection.training_rows.nights, "judged": self.judged.nights}
        return {name: (str(nights.min()), str(nights.max())) for name, nights in rows.items()}

    @property
    def environment_changes(self) -> tuple[str, ...]:
        """The environment's differences from the champion's, one sentence each; none without a champion."""
        return environment_diff.describe_changes(self.champion.facts, provenance.facts()) if self.champion.facts else ()


def write(training: TrainingRecord, settings: Settings) -> tuple[Verdict, str]:
    """Write everything except the ledger entry; return the verdict for it, and the digest of the package to release."""
    card_content = _card(training, settings)
    package, refitted = _package_release(training, card_content, settings)
    card_content = replace(card_content, package=package.digest, refit=refitted)
    files = model_card.write(card_content, settings) | diagnostics.artifacts(
        training.findings,
        training.selection.target,
        NightContext(case=training.case, night=training.night, settings=settings),
    )
    version = _log_to_mlflow(training, package, files, settings)
    verdict = replace(
        _verdict(training, package, refitted),
        version=version,
        model_card=manifest.sha256(files[model_card.MARKDOWN]),
    )
    return replace(verdict, evidence=evidence_digest(verdict)), package.digest


def _card(training: TrainingRecord, settings: Settings) -> ModelCard:
    case, selection = training.case, training.selection
    return ModelCard(
        use_case=case,
        night=str(training.night),
        package="",
        training_span=training.spans["fitted"],
        judged_span=training.spans["judged"],
        table_versions=dict(training.tables.versions),
        contenders=selection.contenders,
        choice=selection.choice,
        verdict=training.verdict,
        personal_columns=model_card.personal_columns(case),
        features=model_card.lines(
            NightContext(case=case, night=training.night, settings=settings),
            selection.importances,
            selection.training_rows,
        ),
        diagnostics=training.findings,
        dependency_changes=training.environment_changes,
    )


def _package_release(
    training: TrainingRecord, card_content: ModelCard, settings: Settings
) -> tuple[Package, RefitComparison | None]:
    """Store the package to release and return it: the refit's if it is equivalent, else that of the judged model."""
    facts = _facts(training, settings)
    judged = _pack(training, training.selection.best.model, facts, card_content, settings)
    if training.refit_result is None:
        return judged, None
    equivalence = RefitComparison(judged=judged.digest, refit="", checks=training.refit_result.checks)
    refit_facts = {"judged": judged.digest, "agreement": [_check_facts(check) for check in equivalence.checks]}
    facts |= {"fitted": [training.spans["fitted"][0], training.spans["judged"][-1]], "refit": refit_facts}
    card_content = replace(card_content, refit=equivalence)
    refit = _pack(training, training.refit_result.model, facts, card_content, settings)
    return refit if equivalence.is_equivalent else judged, replace(equivalence, refit=refit.digest)


def _pack(
    training: TrainingRecord, model: Model, facts: Mapping[str, object], card_content: ModelCard, settings: Settings
) -> Package:
    """Store the model as a signed package and return it; its card omits timings, so equal trainings have one digest."""
    context, period = StepContext(case=training.case, settings=settings), training_profile.training_period(facts)
    profile = training_profile.measure(context, model, period, training.tables)
    documents = {
        "model_card.md": cards.render(card_content, with_timings=False).encode(),
        "requirements.txt": provenance.serving_lock(),
        training_profile.FILE: reference_profile.to_json(profile),
    }
    packed = package_files.pack(model, training.judged.frame, facts, documents)
    packed = replace(packed, files=model_signing.sign(packed.digest, packed.files, settings))
    packages.put(settings.packages, packed.digest, packed.files)
    return packed


def _facts(training: TrainingRecord, settings: Settings) -> dict[str, object]:
    case, frozen, target = training.case, training.frozen, training.selection.target
    quality = target.measure(frozen.labels, frozen.challenger, frozen.nights)
    return {
        "use_case": case.name,
        "night": str(training.night),
        "recipe": training.recipe,
        **feature_pins.from_service(build.service(StepContext(case=case, settings=settings)), case.feature_names).facts,
        "candidate": training.selection.choice.name,
        "settings": asdict(training.selection.best.candidate),
        "seed": training.plan.seed,
        "fitted": list(training.spans["fitted"]),
        "used_until": training.spans["judged"][-1],
        "task": target.facts,
        target.display_names.metric: quality.loss,
        "metrics": asdict(quality),
        "reads": dict(training.tables.versions),
        **provenance.facts(),
    }


def _check_facts(check: Check) -> dict[str, object]:
    return {"name": check.name, "value": check.value, "bar": check.bar, "answer": check.status}


def _log_to_mlflow(training: TrainingRecord, package: Package, files: Mapping[str, bytes], settings: Settings) -> str:
    """Log the training to MLflow, as a run with numbers and card and as a model version, and return the version."""
    case, selection, verdict = training.case, training.selection, training.verdict
    numbers = {
        f"{each.name}.{name}": value for each in selection.contenders for name, value in asdict(each.quality).items()
    }
    numbers |= {f"gain.{name}": value for name, value in asdict(verdict.gain).items()}
    numbers |= {f"cost_gain.{name}": value for name, value in asdict(verdict.cost_gain).items()}
    numbers |= {
        f"benefit.within.{safe_name(each.columns[0])}": each.within_nights.value for each in selection.importances
    }
    numbers |= {
        f"benefit.across.{safe_name(each.columns[0])}": each.across_nights.value for each in selection.importances
    }
    params = {
        "package": package.digest,
        "candidate": selection.choice.name,
        "chosen_by": selection.choice.criterion,
        "bar": verdict.rule,
        "outcome": verdict.outcome,
        **{f"reads.{table}": version for table, version in training.tables.versions.items()},
    }
    run = registry.log_training(settings, case.name, training.night, params, numbers, files)
    example = training.judged.frame[list(case.feature_names)].head()
    return registry.register(
        settings, case.name, package.digest, package.files, example, {"night": str(training.night)}, run
    )


def _verdict(training: TrainingRecord, package: Package, refitted: RefitComparison | None) -> Verdict:
    champion, verdict, selection = training.champion, training.verdict, training.selection
    return Verdict(
        outcome=verdict.outcome,
        reason=f"{verdict.reason}: {champion.fault}" if champion.fault else verdict.reason,
        table_versions=dict(training.tables.versions),
        package=package.digest,
        environment_changes=training.environment_changes,
        plots=tuple(sections.pictures(training.findings)),
        champion=champion.digest,
        champion_error=champion.fault,
        rule=verdict.rule,
        gain=stored_interval(verdict.gain),
        cost_gain=stored_interval(verdict.cost_gain),
        evaluation=EvaluationRows(
            nights=training.spans["judged"],
            rows=verdict.rows,
            night_count=verdict.nights,
            digest=rows_digest(training.judged),
        ),
        checks=verdict.checks,
        candidates=tuple(
            CandidateRecord(
                name=each.name,
                quality=asdict(each.quality),
                p99_latency_ms=each.p99_latency_ms,
                package_mb=each.package_mb,
                memory_mb=each.memory_mb,
            )
            for each in selection.contenders
        ),
        comparisons=tuple(
            ComparisonRecord(
                candidate=each.candidate,
                other=each.other,
                cost=stored_interval(each.cost),
                loss=stored_interval(each.loss),
            )
            for each in selection.choice.comparisons
        ),
        choice=selection.choice.reason,
        features_without_benefit=tuple(each.feature for each in selection.importances if not each.is_useful),
        diagnostics=diagnostics.ledger_payload(training.findings),
        refit=_refit_record(refitted),
        recipe=training.recipe,
        centred_gain=None if verdict.centred_gain is None else stored_interval(verdict.centred_gain),
        admission=training.admission,
        adoption=training.adoption,
    )


def _refit_record(refitted: RefitComparison | None) -> RefitRecord | None:
    if refitted is None:
        return None
    return RefitRecord(judged=refitted.judged, refit=refitted.refit, checks=refitted.checks)


def evidence_digest(verdict: Verdict) -> str:
    """Return the digest of the fields that approvals are bound to; fields that are None count, too."""
    stored = ledger_entries.encode(EntryKind.JUDGED, verdict)
    return hash_chain.fingerprint({name: stored.get(name) for name in _EVIDENCE})


def stored_interval(interval: Interval) -> StoredInterval:
    """Return the interval for JSON: None for numbers that are not finite."""
    value, low, high = (each if math.isfinite(each) else None for each in (interval.value, interval.low, interval.high))
    return StoredInterval(value=value, low=low, high=high)


def rows_digest(rows: LabelledRows) -> str:
    """Return the SHA-256 of the frozen rows: entities and labels, in order."""
    return hash_chain.fingerprint([rows.frame["entity"].tolist(), rows.labels.tolist()])
