"""Features and labels to a verdict: candidates fitted as of a night, the best held against the champion."""

from datetime import date
from typing import Any

from include import settings, usecases
from include.settings import Settings
from include.steps import attempts, champion, findings, training_set
from include.steps.champion import Champion
from include.steps.train import contest, records
from include.steps.train.contest import Contest
from include.steps.train.records import Training
from include.steps.training_set import Labelled
from include.stores import ledger, snapshot, warehouse
from include.stores.snapshot import Snapshot
from include.usecases import shapes
from ml import baselines, evaluation, nights, promotion, recipes, splitting
from ml.chain import Entry
from ml.errors import RefusalError, RequestError
from ml.promotion import Judged, Outcome
from ml.usecase import UseCase

BOOTSTRAP = "bootstrap"


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
        payload, digest = _challenge(case, when, champion.read(promoted, case, where), tables, where, tune=tune)
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
    case: UseCase, when: date, met: Champion, tables: Snapshot, where: Settings, *, tune: bool
) -> tuple[dict[str, Any], str]:
    """Return the ledger's payload and the package's digest of the best candidate's meeting with the champion."""
    rows = training_set.read(case, when, tables, where)
    parts = splitting.split(rows.nights, case.gates.judged_nights, met.used_until)
    learned, judged = rows.where(parts.fitted), rows.where(parts.judged)
    held = contest.hold(case, when, learned, tables, where, tune=tune)
    recipe = recipes.digest(case, held.best.candidate, shapes.sources(case))
    target = held.target
    met = met.on(judged.frame, target.prior)
    frozen = _frozen(case, judged, met, held)
    found = findings.measure(case, target, held.best, learned, judged, frozen, tables)
    training = Training(
        case=case,
        when=when,
        tables=tables,
        contest=held,
        recipe=recipe,
        judged=judged,
        frozen=frozen,
        met=met,
        found=found,
        verdict=promotion.judge(frozen, case.gates, met.bar(recipe), target, also=found.gates),
    )
    return records.leave(training, where)


def _frozen(case: UseCase, judged: Labelled, met: Champion, held: Contest) -> Judged:
    """Return the judged rows as everybody answers them: champion, challenger and baselines."""
    levels = {each.by: judged.frame[each.by].astype(str).to_numpy(object) for each in case.slices}
    return Judged(
        labels=judged.labels,
        champion=met.scores,
        challenger=held.best.model.predict(judged.frame),
        nights=judged.nights,
        slices=evaluation.slices(case.slices, levels),
        baselines={each.name: baselines.answer(each, judged.frame, held.target.prior) for each in case.baselines},
    )
