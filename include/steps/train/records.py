"""What a training leaves: a signed package, its card and pictures, a run in MLflow, and what the ledger is told."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import Any

from include import provenance
from include.settings import Settings
from include.steps.features import build, feature_pins
from include.steps.features.training_set import LabelledRows
from include.steps.train import diagnostics, model_card
from include.steps.train.candidates import CandidateSelection
from include.steps.train.champion import Champion
from include.steps.train.plan import Plan
from include.steps.train.refit import RefitResult
from include.stores import packages, registry
from include.stores.signing import model_signing
from include.stores.table_snapshot import TableSnapshot
from ml.checks import Check
from ml.evaluation.diagnostics import Diagnostics
from ml.governance import environment_diff, hash_chain, manifest
from ml.model_card import card as cards
from ml.model_card import sections
from ml.model_card.card import ModelCard
from ml.packaging import package_files
from ml.packaging.package_files import Package
from ml.promotion.gate import HoldoutScores, PromotionVerdict
from ml.promotion.refit_equivalence import RefitComparison
from ml.training.fitting import Model
from ml.usecase import UseCase


@dataclass(frozen=True, kw_only=True)
class TrainingRecord:
    """A challenger that met its champion on the `judged` rows, and all that was found on the way."""

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
    refit_result: RefitResult | None

    @property
    def spans(self) -> dict[str, tuple[str, str]]:
        """The first and the last night of the rows learned from and of those judged on."""
        rows = {"fitted": self.selection.learned.nights, "judged": self.judged.nights}
        return {name: (str(nights.min()), str(nights.max())) for name, nights in rows.items()}

    @property
    def environment_changes(self) -> tuple[str, ...]:
        """What the challenger is made with and its champion was not, a sentence each; nothing where there is no champion."""
        return environment_diff.describe_changes(self.champion.facts, provenance.facts()) if self.champion.facts else ()


def write(training: TrainingRecord, settings: Settings) -> tuple[dict[str, Any], str]:
    """Write everything but the ledger; return what the ledger is to be told, and the released package's digest."""
    card_content = _card(training, settings)
    package, refitted = _package_release(training, card_content, settings)
    card_content = replace(card_content, package=package.digest, refit=refitted)
    files = model_card.write(card_content, settings) | diagnostics.artifacts(
        training.findings, training.selection.target, training.case, training.night, settings
    )
    version = _log_to_mlflow(training, package, files, settings)
    card_digest = {model_card.MARKDOWN: manifest.sha256(files[model_card.MARKDOWN])}
    return {"version": version, **card_digest, **_payload(training, package, refitted)}, package.digest


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
        features=model_card.lines(case, training.night, selection.importances, selection.learned, settings),
        diagnostics=training.findings,
        dependency_changes=training.environment_changes,
    )


def _package_release(
    training: TrainingRecord, card_content: ModelCard, settings: Settings
) -> tuple[Package, RefitComparison | None]:
    """Return the package to release, in its store: of the refit where there is one that agrees, else of the judged model."""
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
    """Return the model as a signed package in its store; its card has none of the numbers that a clock measured."""
    documents = {
        "model_card.md": cards.render(card_content, with_timings=False).encode(),
        "requirements.txt": provenance.serving_lock(),
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
        **feature_pins.from_service(build.service(case, settings), case.feature_names).facts,
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
    """Put the training into MLflow, a run with numbers, its card and a version of the model, and return the version."""
    case, selection, verdict = training.case, training.selection, training.verdict
    numbers = {
        f"{each.name}.{name}": value for each in selection.contenders for name, value in asdict(each.quality).items()
    }
    numbers |= {f"gain.{name}": value for name, value in asdict(verdict.gain).items()}
    numbers |= {f"cost_gain.{name}": value for name, value in asdict(verdict.cost_gain).items()}
    numbers |= {f"benefit.within.{each.columns[0]}": each.within_nights.value for each in selection.importances}
    numbers |= {f"benefit.across.{each.columns[0]}": each.across_nights.value for each in selection.importances}
    params = {
        "package": package.digest,
        "candidate": selection.choice.name,
        "bar": verdict.rule,
        "outcome": verdict.outcome,
        **{f"reads.{table}": version for table, version in training.tables.versions.items()},
    }
    run = registry.log_training(settings, case.name, training.night, params, numbers, files)
    example = training.judged.frame[list(case.feature_names)].head()
    return registry.register(
        settings, case.name, package.digest, package.files, example, {"night": str(training.night)}, run
    )


def _payload(training: TrainingRecord, package: Package, refitted: RefitComparison | None) -> dict[str, Any]:
    champion, verdict, selection, judged = training.champion, training.verdict, training.selection, training.judged
    evidence = {
        "champion": champion.digest,
        "champion_fault": champion.fault,
        "bar": verdict.rule,
        "gain": asdict(verdict.gain),
        "cost_gain": asdict(verdict.cost_gain),
        "judged": {
            "nights": list(training.spans["judged"]),
            "rows": verdict.rows,
            "count": verdict.nights,
            "digest": _digest(judged),
        },
        "checks": [asdict(check) for check in verdict.checks],
        "candidates": [asdict(each) for each in selection.contenders],
        "choice": selection.choice.reason,
        "reads": training.tables.versions,
        "not_shown_to_pay": [each.feature for each in selection.importances if not each.is_useful],
        "findings": diagnostics.ledger_payload(training.findings),
        "refit": refitted and asdict(refitted),
    }
    return {
        "outcome": verdict.outcome,
        "reason": f"{verdict.reason}: {champion.fault}" if champion.fault else verdict.reason,
        "package": package.digest,
        "evidence": hash_chain.fingerprint(evidence),
        "dependencies": list(training.environment_changes),
        "pictures": sections.pictures(training.findings),
        **evidence,
    }


def _digest(rows: LabelledRows) -> str:
    """Return the SHA-256 of the frozen rows: entities and labels, in order."""
    return hash_chain.fingerprint([rows.frame["entity"].tolist(), rows.labels.tolist()])
