"""Features and labels to a verdict: candidates fitted as of a night, the best held against the champion."""

import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from include import provenance, settings, usecases
from include.settings import Settings
from include.steps import attempts, card, champion, features, findings, pins, training_set, tuning
from include.steps.champion import Champion
from include.steps.training_set import Labelled
from include.stores import ledger, packages, registry, signatures, snapshot, warehouse
from include.stores.snapshot import Snapshot
from include.usecases import coherence, shapes
from ml import (
    baselines,
    chain,
    evaluation,
    leakage,
    manifest,
    nights,
    packaging,
    passages,
    privacy,
    promotion,
    recipes,
    selection,
    splitting,
    training,
    worth,
)
from ml import card as cards
from ml.arrays import Floats
from ml.card import Card
from ml.chain import Entry
from ml.errors import RefusalError, RequestError
from ml.findings import Findings
from ml.packaging import Package
from ml.promotion import Judged, Outcome, Verdict
from ml.selection import Choice, Contender
from ml.training import Fitted, Material, Model
from ml.usecase import UseCase
from ml.worth import Worth

BOOTSTRAP = "bootstrap"
_SEED = 2013
_TIMED_ROWS, _TRIES = 300, 3


def train(use_case: str, night: str, trigger: str, *, tune: bool = False) -> bool:
    """Fit, choose and judge as of `night`; return whether a challenger earned a release.

    `tune` searches the candidates' settings anew, which makes the challenger a change; else those found before are kept.

    The verdict goes into the ledger with every number; a night that has one is not judged again, unless no model was let
    in by then and the data or the declarations have been mended since.
    Raises LeakError when a feature knows too much, RequestError when `trigger` does not fit what is there, FeatureError
    when the rows have features that mean something else than what is declared.
    """
    case, when, where = usecases.get(use_case), nights.parse(night).last, settings.load()
    before = attempts.judged(case, when, where)
    if standing := attempts.standing(case, before, where):
        return bool(standing.payload["outcome"] == Outcome.PROMOTE)
    promoted = _promoted(case, when, trigger, where)
    tables, declared = snapshot.take(case, where), attempts.declared(case)
    try:
        payload, digest = _challenge(case, when, champion.read(promoted, case, where), tables, where, anew=tune)
    except RefusalError as refusal:
        payload, digest = {"outcome": Outcome.INCONCLUSIVE, "reason": str(refusal)}, "none"
    ledger.append(
        warehouse.engine(where.warehouse_url),
        kind="judged",
        use_case=case.name,
        night=when,
        subject=digest,
        payload={"trigger": trigger, "declared": declared, "reads": dict(tables.versions), **payload},
        key=attempts.key(case, when, before),
    )
    return bool(payload["outcome"] == Outcome.PROMOTE)


def _promoted(case: UseCase, when: date, trigger: str, where: Settings) -> Entry | None:
    """Return the promotion of the champion that a challenger of `when` meets; None for the first."""
    promoted = ledger.champion(warehouse.engine(where.warehouse_url), case.name, before_night=when)
    if promoted is None and trigger != BOOTSTRAP:
        raise RequestError(f"{case.name} has no champion yet: train the first one with the reason {BOOTSTRAP!r}")
    if promoted is not None and trigger == BOOTSTRAP:
        raise RequestError(
            f"{case.name} has the champion {promoted.subject[:12]}: {BOOTSTRAP!r} is for the first one only"
        )
    return promoted


def _challenge(
    case: UseCase, when: date, met: Champion, tables: Snapshot, where: Settings, *, anew: bool
) -> tuple[dict[str, Any], str]:
    """Return the ledger's payload and the package's digest of the best candidate's meeting with the champion."""
    rows = training_set.read(case, when, tables, where)
    parts = splitting.split(rows.nights, case.gates.judged_nights, met.used_until)
    learned, judged = rows.where(parts.fitted), rows.where(parts.judged)
    _check_leaks(case, learned, when, tables)
    material = _gathered(case, learned, where)
    fitted = [
        training.fit(candidate, material) for candidate in tuning.candidates(case, when, material, where, anew=anew)
    ]
    contenders = [_contender(case, each, learned) for each in fitted]
    choice = selection.choose(contenders, case.latency_budget)
    best = next(each for each in fitted if each.candidate.name == choice.name)
    recipe = recipes.digest(case, best.candidate, shapes.sources(case))
    met = met.on(judged.frame, learned.labels.mean())
    frozen = _judged(case, judged, met.scores, best.model, learned.labels.mean())
    found = findings.measure(case, best, learned, judged, frozen, tables)
    verdict = promotion.judge(frozen, case.gates, met.bar(recipe), case.cost, also=found.gates)
    quality = evaluation.measure(judged.labels, frozen.challenger, judged.nights, case.cost)
    facts = {
        "use_case": case.name,
        "night": str(when),
        "recipe": recipe,
        **pins.declared(features.service(case, where), case.feature_names).facts,
        "candidate": choice.name,
        "settings": asdict(best.candidate),
        "seed": _SEED,
        "fitted": list(_span(learned)),
        "used_until": str(judged.nights.max()),
        "log_loss": quality.log_loss,
        "metrics": asdict(quality),
        "reads": dict(tables.versions),
        **provenance.facts(),
    }
    worths = _worths(case, best, learned)
    told = Card(
        use_case=case,
        night=str(when),
        package="",
        fitted=_span(learned),
        judged=_span(judged),
        reads=dict(tables.versions),
        contenders=contenders,
        choice=choice,
        verdict=verdict,
        personal=card.personal(case),
        lines=card.lines(case, when, worths, learned, where),
        findings=found,
    )
    package = _packed(best.model, judged, facts, told, where)
    told = replace(told, package=package.digest)
    files = card.write(told, where) | findings.files(found, case, when, where)
    version = _show(case, when, package, told, worths, judged, files, where)
    payload = _payload(met, choice, contenders, verdict, judged, tables, package, worths, found)
    told_as = {card.MARKDOWN: manifest.sha256(files[card.MARKDOWN])}
    return {"version": version, **told_as, **payload}, package.digest


def _packed(model: Model, judged: Labelled, facts: Mapping[str, object], told: Card, where: Settings) -> Package:
    """Return the model as a signed package in its store; its card has none of the numbers that a clock measured."""
    papers = {"model_card.md": cards.write(told, timed=False).encode(), "requirements.txt": provenance.serving()}
    packed = packaging.pack(model, judged.frame, facts, papers)
    packed = replace(packed, files=signatures.signed(packed.digest, packed.files, where))
    packages.put(where.packages, packed.digest, packed.files)
    return packed


def _check_leaks(case: UseCase, learned: Labelled, when: date, tables: Snapshot) -> None:
    future = training_set.at_event(case, learned, when, tables)
    hidden = set(case.feature_names) - set(privacy.telling(case, case.feature_names, coherence.needs(case), "logs"))
    seen = learned.frame[list(case.feature_names)]
    leakage.check_features(
        seen, learned.labels, learned.nights, future, case.gates, settled=case.settled, hidden=hidden
    )


def _span(rows: Labelled) -> tuple[str, str]:
    return str(rows.nights.min()), str(rows.nights.max())


def _worths(case: UseCase, best: Fitted, learned: Labelled) -> tuple[Worth, ...]:
    return worth.measure(
        best,
        learned.frame,
        learned.labels,
        learned.nights,
        case.features,
        confidence=case.gates.confidence,
        seed=_SEED,
    )


def _gathered(case: UseCase, learned: Labelled, where: Settings) -> Material:
    return training.gather(
        learned.frame,
        learned.labels,
        learned.nights,
        case.feature_names,
        seed=_SEED,
        threads=where.threads,
        texts=case.texts,
        recency=case.weighting,
    )


def _contender(case: UseCase, fitted: Fitted, learned: Labelled) -> Contender:
    ahead = learned.where(fitted.ahead)
    quality = evaluation.measure(ahead.labels, fitted.scores, ahead.nights, case.cost)
    leakage.check_quality(quality, case.gates)
    return Contender(
        name=fitted.candidate.name, quality=quality, p99_latency_ms=_p99_latency_ms(fitted.model, ahead.frame)
    )


def _p99_latency_ms(model: Model, frame: pd.DataFrame) -> float:
    """Return the 99th percentile of answering one row at a time, in milliseconds.

    Each row counts by the best of some tries: what else the machine does is not the model's doing.
    """
    rows = frame.head(_TIMED_ROWS)[list(model.encoder.names)].to_dict("records")
    seconds = []
    for row in rows:
        asked = {str(name): value for name, value in row.items()}
        seconds.append(min(_seconds(model, asked) for _ in range(_TRIES)))
    return float(np.quantile(seconds[1:], 0.99) * 1000)


def _seconds(model: Model, row: dict[str, Any]) -> float:
    started = time.perf_counter()
    model.predict_row(row)
    return time.perf_counter() - started


def _judged(case: UseCase, judged: Labelled, champion: Floats, challenger: Model, prior: float) -> Judged:
    levels = {each.by: judged.frame[each.by].astype(str).to_numpy(object) for each in case.slices}
    return Judged(
        labels=judged.labels,
        champion=champion,
        challenger=challenger.predict(judged.frame),
        nights=judged.nights,
        slices=evaluation.slices(case.slices, levels),
        baselines={each.name: baselines.answer(each, judged.frame, prior) for each in case.baselines},
    )


def _payload(
    met: Champion,
    choice: Choice,
    contenders: list[Contender],
    verdict: Verdict,
    judged: Labelled,
    tables: Snapshot,
    package: Package,
    worths: tuple[Worth, ...],
    found: Findings,
) -> dict[str, Any]:
    evidence = {
        "champion": met.digest,
        "champion_fault": met.fault,
        "bar": verdict.bar,
        "gain": asdict(verdict.gain),
        "cost_gain": asdict(verdict.cost_gain),
        "judged": {
            "nights": list(_span(judged)),
            "rows": verdict.rows,
            "count": verdict.nights,
            "digest": _digest(judged),
        },
        "checks": [asdict(check) for check in verdict.checks],
        "candidates": [asdict(each) for each in contenders],
        "choice": choice.reason,
        "reads": tables.versions,
        "not_shown_to_pay": [each.feature for each in worths if not each.pays],
        "findings": findings.evidence(found),
    }
    return {
        "outcome": verdict.outcome,
        "reason": f"{verdict.reason}: {met.fault}" if met.fault else verdict.reason,
        "package": package.digest,
        "evidence": chain.fingerprint(evidence),
        "pictures": passages.pictures(found),
        **evidence,
    }


def _digest(rows: Labelled) -> str:
    """Return the SHA-256 of the frozen rows: entities and labels, in order."""
    return chain.fingerprint([rows.frame["entity"].tolist(), rows.labels.tolist()])


def _show(
    case: UseCase,
    when: date,
    package: Package,
    told: Card,
    worths: tuple[Worth, ...],
    judged: Labelled,
    files: Mapping[str, bytes],
    where: Settings,
) -> str:
    """Put the training into MLflow, a run with numbers, its card and a version of the model, and return the version."""
    numbers = {f"{each.name}.{name}": value for each in told.contenders for name, value in asdict(each.quality).items()}
    numbers |= {f"gain.{name}": value for name, value in asdict(told.verdict.gain).items()}
    numbers |= {f"cost_gain.{name}": value for name, value in asdict(told.verdict.cost_gain).items()}
    numbers |= {f"benefit.within.{each.columns[0]}": each.within.value for each in worths}
    numbers |= {f"benefit.across.{each.columns[0]}": each.across.value for each in worths}
    params = {
        "package": package.digest,
        "candidate": told.choice.name,
        "bar": told.verdict.bar,
        "outcome": told.verdict.outcome,
        **{f"reads.{table}": version for table, version in told.reads.items()},
    }
    run = registry.log_training(where, case.name, when, params, numbers, files)
    example = judged.frame[list(case.feature_names)].head()
    return registry.register(where, case.name, package.digest, package.files, example, {"night": str(when)}, run)
