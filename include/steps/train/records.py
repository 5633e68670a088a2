"""What a training leaves: a signed package, its card and pictures, a run in MLflow, and what the ledger is told."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import Any

from include import provenance
from include.settings import Settings
from include.steps.features import build, feature_pins
from include.steps.features.training_set import Labelled
from include.steps.train import diagnostics, model_card
from include.steps.train.candidates import Contest
from include.steps.train.champion import Champion
from include.steps.train.plan import Plan
from include.steps.train.refit import Refitting
from include.stores import packages, registry
from include.stores.signing import model_signing
from include.stores.table_snapshot import Snapshot
from ml.evaluation.diagnostics import Findings
from ml.governance import environment_diff, hash_chain, manifest
from ml.model_card import card as cards
from ml.model_card import sections
from ml.model_card.card import Card
from ml.packaging import package_files
from ml.packaging.package_files import Package
from ml.promotion.gate import Judged, Verdict
from ml.promotion.refit_equivalence import Refitted
from ml.training.fitting import Model
from ml.usecase import UseCase


@dataclass(frozen=True, kw_only=True)
class Training:
    """A challenger that met its champion on the `judged` rows, and all that was found on the way."""

    case: UseCase
    when: date
    plan: Plan
    tables: Snapshot
    contest: Contest
    recipe: str
    judged: Labelled
    frozen: Judged
    met: Champion
    found: Findings
    verdict: Verdict
    refitting: Refitting | None

    @property
    def spans(self) -> dict[str, tuple[str, str]]:
        """The first and the last night of the rows learned from and of those judged on."""
        rows = {"fitted": self.contest.learned.nights, "judged": self.judged.nights}
        return {name: (str(nights.min()), str(nights.max())) for name, nights in rows.items()}

    @property
    def changed(self) -> tuple[str, ...]:
        """What the challenger is made with and its champion was not, a sentence each; nothing where there is no champion."""
        return environment_diff.changes(self.met.facts, provenance.facts()) if self.met.facts else ()


def leave(training: Training, settings: Settings) -> tuple[dict[str, Any], str]:
    """Write everything but the ledger; return what the ledger is to be told, and the released package's digest."""
    told = _card(training, settings)
    package, refitted = _released(training, told, settings)
    told = replace(told, package=package.digest, refitted=refitted)
    files = model_card.write(told, settings) | diagnostics.files(
        training.found, training.contest.target, training.case, training.when, settings
    )
    version = _show(training, package, files, settings)
    told_as = {model_card.MARKDOWN: manifest.sha256(files[model_card.MARKDOWN])}
    return {"version": version, **told_as, **_payload(training, package, refitted)}, package.digest


def _card(training: Training, settings: Settings) -> Card:
    case, contest = training.case, training.contest
    return Card(
        use_case=case,
        night=str(training.when),
        package="",
        fitted=training.spans["fitted"],
        judged=training.spans["judged"],
        reads=dict(training.tables.versions),
        contenders=contest.contenders,
        choice=contest.choice,
        verdict=training.verdict,
        personal=model_card.personal(case),
        lines=model_card.lines(case, training.when, contest.worths, contest.learned, settings),
        findings=training.found,
        changed=training.changed,
    )


def _released(training: Training, told: Card, settings: Settings) -> tuple[Package, Refitted | None]:
    """Return the package to release, in its store: of the refit where there is one that agrees, else of the judged model."""
    facts = _facts(training, settings)
    judged = _packed(training, training.contest.best.model, facts, told, settings)
    if training.refitting is None:
        return judged, None
    found = Refitted(judged=judged.digest, refit="", checks=training.refitting.checks)
    said = {"judged": judged.digest, "agreement": [asdict(check) for check in found.checks]}
    facts |= {"fitted": [training.spans["fitted"][0], training.spans["judged"][-1]], "refit": said}
    told = replace(told, refitted=found)
    refit = _packed(training, training.refitting.model, facts, told, settings)
    return refit if found.agrees else judged, replace(found, refit=refit.digest)


def _packed(training: Training, model: Model, facts: Mapping[str, object], told: Card, settings: Settings) -> Package:
    """Return the model as a signed package in its store; its card has none of the numbers that a clock measured."""
    papers = {"model_card.md": cards.write(told, timed=False).encode(), "requirements.txt": provenance.serving()}
    packed = package_files.pack(model, training.judged.frame, facts, papers)
    packed = replace(packed, files=model_signing.signed(packed.digest, packed.files, settings))
    packages.put(settings.packages, packed.digest, packed.files)
    return packed


def _facts(training: Training, settings: Settings) -> dict[str, object]:
    case, frozen, target = training.case, training.frozen, training.contest.target
    quality = target.measure(frozen.labels, frozen.challenger, frozen.nights)
    return {
        "use_case": case.name,
        "night": str(training.when),
        "recipe": training.recipe,
        **feature_pins.declared(build.service(case, settings), case.feature_names).facts,
        "candidate": training.contest.choice.name,
        "settings": asdict(training.contest.best.candidate),
        "seed": training.plan.seed,
        "fitted": list(training.spans["fitted"]),
        "used_until": training.spans["judged"][-1],
        "task": target.facts,
        target.words.metric: quality.loss,
        "metrics": asdict(quality),
        "reads": dict(training.tables.versions),
        **provenance.facts(),
    }


def _show(training: Training, package: Package, files: Mapping[str, bytes], settings: Settings) -> str:
    """Put the training into MLflow, a run with numbers, its card and a version of the model, and return the version."""
    case, contest, verdict = training.case, training.contest, training.verdict
    numbers = {
        f"{each.name}.{name}": value for each in contest.contenders for name, value in asdict(each.quality).items()
    }
    numbers |= {f"gain.{name}": value for name, value in asdict(verdict.gain).items()}
    numbers |= {f"cost_gain.{name}": value for name, value in asdict(verdict.cost_gain).items()}
    numbers |= {f"benefit.within.{each.columns[0]}": each.within.value for each in contest.worths}
    numbers |= {f"benefit.across.{each.columns[0]}": each.across.value for each in contest.worths}
    params = {
        "package": package.digest,
        "candidate": contest.choice.name,
        "bar": verdict.bar,
        "outcome": verdict.outcome,
        **{f"reads.{table}": version for table, version in training.tables.versions.items()},
    }
    run = registry.log_training(settings, case.name, training.when, params, numbers, files)
    example = training.judged.frame[list(case.feature_names)].head()
    return registry.register(
        settings, case.name, package.digest, package.files, example, {"night": str(training.when)}, run
    )


def _payload(training: Training, package: Package, refitted: Refitted | None) -> dict[str, Any]:
    met, verdict, contest, judged = training.met, training.verdict, training.contest, training.judged
    evidence = {
        "champion": met.digest,
        "champion_fault": met.fault,
        "bar": verdict.bar,
        "gain": asdict(verdict.gain),
        "cost_gain": asdict(verdict.cost_gain),
        "judged": {
            "nights": list(training.spans["judged"]),
            "rows": verdict.rows,
            "count": verdict.nights,
            "digest": _digest(judged),
        },
        "checks": [asdict(check) for check in verdict.checks],
        "candidates": [asdict(each) for each in contest.contenders],
        "choice": contest.choice.reason,
        "reads": training.tables.versions,
        "not_shown_to_pay": [each.feature for each in contest.worths if not each.pays],
        "findings": diagnostics.evidence(training.found),
        "refit": refitted and asdict(refitted),
    }
    return {
        "outcome": verdict.outcome,
        "reason": f"{verdict.reason}: {met.fault}" if met.fault else verdict.reason,
        "package": package.digest,
        "evidence": hash_chain.fingerprint(evidence),
        "dependencies": list(training.changed),
        "pictures": sections.pictures(training.found),
        **evidence,
    }


def _digest(rows: Labelled) -> str:
    """Return the SHA-256 of the frozen rows: entities and labels, in order."""
    return hash_chain.fingerprint([rows.frame["entity"].tolist(), rows.labels.tolist()])
