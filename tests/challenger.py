"""A challenger copied from the champion, with other bytes; the ledger says that gate and acceptance tests passed it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from include.settings import Settings
from include.steps.features import build
from include.stores import ledger, packages, registry, warehouse
from include.stores.signing import model_signing
from ml.governance import ledger_entries
from ml.governance.ledger_entries import AcceptanceTested, EntryKind, Payload, Verdict
from ml.packaging import package_files
from ml.training.fitting import Model
from ml.usecase import UseCase, periods

Change = Callable[[Model], Model]


def challenge(
    case: UseCase,
    night: str,
    settings: Settings,
    change: Change = lambda model: model,
    **verdict_fields: Any,
) -> str:
    """Store the champion's model, changed by `change`, as a challenger of `night`, and return its digest.

    The verdict is that on the champion with other `verdict_fields`.
    """
    engine = warehouse.engine(settings.warehouse_url)
    champion = ledger.champion(engine, case.name)
    assert champion is not None
    files = packages.get(settings.packages, champion.subject, settings.trusted_keys)
    rows = build.read(settings.lake, case, night, night)
    packed = package_files.pack(change(package_files.load(files)), rows, package_files.facts(files) | {"seed": night})
    signed = model_signing.sign(packed.digest, packed.files, settings)
    packages.put(settings.packages, packed.digest, signed)
    registry.register(settings, case.name, packed.digest, signed, rows[list(case.feature_names)].head())
    judged = ledger_entries.read(ledger.entries(engine, case.name, EntryKind.JUDGED)[-1], Verdict)
    fields = {"champion": champion.subject, "evidence": "e" * 64, "outcome": "promote", **verdict_fields}
    verdict = replace(judged, **fields)
    put(case, night, packed.digest, verdict, settings)
    return packed.digest


def put(case: UseCase, night: str, digest: str, verdict: Verdict, settings: Settings) -> None:
    """Record `verdict` and passed acceptance tests for the package."""
    entries: tuple[tuple[EntryKind, Payload], ...] = (
        (EntryKind.JUDGED, verdict),
        (EntryKind.ACCEPTANCE_TESTED, AcceptanceTested(outcome="pass", checks=())),
    )
    for kind, payload in entries:
        ledger.append(
            warehouse.engine(settings.warehouse_url),
            kind=kind,
            use_case=case.name,
            night=periods.parse(night).last,
            subject=digest,
            payload=payload,
            key=f"test:{kind}:{night}",
        )
