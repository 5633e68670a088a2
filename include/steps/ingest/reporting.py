"""What an ingestion leaves to be read: counts by night, alerts that name file, reason and count, a row of the ledger."""

from collections.abc import Mapping, Sequence

from include.settings import Settings
from include.stores import ledger, warehouse
from include.stores.warehouse import Alert, Fate, File, Ingestion
from ml.governance.hash_chain import Json
from ml.ingestion.row_counts import Tally
from ml.periods import Period
from ml.usecase import UseCase

QUARANTINE, FILE, WARNING = "quarantine", "file", "warning"
_REASONS_TOLD = 3


def tell(
    case: UseCase,
    when: Period,
    files: Sequence[File],
    taken: Mapping[str, Tally],
    versions: Mapping[str, int],
    settings: Settings,
) -> None:
    """Write down what was taken and what was not; said again in the same words, it leaves the same."""
    engine = warehouse.engine(settings.warehouse_url)
    warehouse.record_ingestion(engine, *(each for table in taken for each in _counts(case, when, table, taken[table])))
    quarantined = _by_file(taken)
    alerts = [*_of_rows(case, when, quarantined), *_of_files(case, when, files), *_warnings(case, when, taken)]
    warehouse.settle_alerts(engine, case.name, when.last, (QUARANTINE, FILE, WARNING), alerts)
    _record(case, when, files, quarantined, alerts, versions, settings)


def _counts(case: UseCase, when: Period, table: str, taken: Tally) -> list[Ingestion]:
    bad = taken.rows_quarantined
    return [
        Ingestion(
            use_case=case.name,
            night=night,
            source_table=table,
            rows_in=taken.by_night.get(str(night), 0) + bad * (night == when.last),
            rows_valid=taken.by_night.get(str(night), 0),
            rows_quarantined=bad * (night == when.last),
        )
        for night in case.horizon.nights(when)
    ]


def _by_file(taken: Mapping[str, Tally]) -> dict[str, Mapping[str, int]]:
    """Return how many rows of each file are quarantined for each reason."""
    return dict(sorted(held for each in taken.values() for held in each.held.items()))


def _of_rows(case: UseCase, when: Period, quarantined: Mapping[str, Mapping[str, int]]) -> list[Alert]:
    return [
        _alert(case, when, QUARANTINE, file, f"{sum(reasons.values())} rows of {file} quarantined: {_summary(reasons)}")
        for file, reasons in quarantined.items()
    ]


def _of_files(case: UseCase, when: Period, files: Sequence[File]) -> list[Alert]:
    needs_telling = {each.name for each in case.tables if each.required} | {""}
    return [
        _alert(
            case, when, FILE, each.name, f"{each.name}: {each.verdict}, {each.reason} ({each.rows_quarantined} rows)"
        )
        for each in files
        if each.verdict in (Fate.QUARANTINED, Fate.NO_TABLE)
        or (each.verdict is Fate.DUPLICATE and each.source_table in needs_telling)
    ]


def _warnings(case: UseCase, when: Period, taken: Mapping[str, Tally]) -> list[Alert]:
    return [
        _alert(case, when, WARNING, table, "; ".join(finding.told() for finding in each.warnings))
        for table, each in taken.items()
        if each.warnings
    ]


def _alert(case: UseCase, when: Period, kind: str, subject: str, message: str) -> Alert:
    return Alert(use_case=case.name, night=when.last, kind=kind, subject=subject, message=message)


def _summary(reasons: Mapping[str, int]) -> str:
    told = [f"{reason} ({count})" for reason, count in list(reasons.items())[:_REASONS_TOLD]]
    left = len(reasons) - _REASONS_TOLD
    return ", ".join(told) + (f" and {left} other reasons" if left > 0 else "")


def _record(
    case: UseCase,
    when: Period,
    files: Sequence[File],
    quarantined: Mapping[str, Mapping[str, int]],
    alerts: Sequence[Alert],
    versions: Mapping[str, int],
    settings: Settings,
) -> None:
    """Append what was taken to the ledger, once for each content of the files and each judgement of it."""
    engine = warehouse.engine(settings.warehouse_url)
    fact: dict[str, Json] = {
        "rows_in": sum(each.rows_in for each in files),
        "rows_valid": sum(each.rows_valid for each in files),
        "rows_quarantined": sum(each.rows_quarantined for each in files),
        "files": {each.name: each.sha256 for each in files},
        "quarantined": {file: sum(reasons.values()) for file, reasons in quarantined.items()},
        "alerts": [each.message for each in alerts],
    }
    before = ledger.entries(engine, use_case=case.name, kind="validated", night=when.last, subject=str(when))
    if before and {name: before[-1].payload.get(name) for name in fact} == fact:
        return
    ledger.append(
        engine,
        kind="validated",
        use_case=case.name,
        night=when.last,
        subject=str(when),
        payload={**fact, "versions": dict(versions)},
        key=f"{case.name}:validated:{when}:{len(before) + 1}",
    )
