"""Landing to raw to valid or quarantined: every row of a period's files ends in exactly one of the two."""

import json

import pandas as pd

from include import settings, usecases
from include.settings import Settings
from include.steps import labels
from include.stores import lake, landing, ledger, warehouse
from include.stores.landing import Landed
from include.usecases import coherence
from ml import arrival, features, validation
from ml.errors import DataError
from ml.nights import Period
from ml.usecase import Table, UseCase
from ml.validation import Checked

_QUARANTINE = ("night", "table", "file", "line", "reasons", "text")


def ingest(use_case: str, period: str) -> dict[str, int]:
    """Take the files of `period` and return the counts of rows in, valid and quarantined.

    A file whose columns break the contract is quarantined whole, and the others are taken.
    Raises RequestError, DeclarationError, and DataError when a file is not there.
    """
    case, where = usecases.get(use_case), settings.load()
    when = case.horizon.parse(period)
    coherence.check(case)
    folder = landing.folder(where.landing, case.name, when)
    if usecases.has(case.name, "source"):
        usecases.module(case.name, "source").land(folder, when, where.data / case.name)
    landed = {table.name: landing.read(folder, table.name) for table in case.tables}
    counts = {"rows_in": 0, "rows_valid": 0, "rows_quarantined": 0}
    for table in case.tables:
        taken = _take(case, table, landed[table.name], when, where)
        counts = {name: count + taken[name] for name, count in counts.items()}
    _record(case, when, counts, {each.name: each.sha256 for each in landed.values()}, where)
    return counts


def _take(case: UseCase, table: Table, landed: Landed, when: Period, where: Settings) -> dict[str, int]:
    checked = _checked(case, table, landed, when)
    valid = _derived(case, table, checked.valid)
    quarantined = _quarantined(table, landed, checked, when)
    rows_in = len(landed.rows) + len(landed.malformed)
    if rows_in != len(valid) + len(quarantined):
        raise DataError(
            f"{landed.name}: {rows_in} rows came in, {len(valid)} + {len(quarantined)} go out; nothing was written"
        )
    lake.replace(lake.address(where.lake, case.name, "valid", table.name), when, valid)
    lake.replace(lake.address(where.lake, case.name, "quarantine", table.name), when, quarantined)
    _tell(case, table, landed, valid, quarantined, when, where)
    if table.name == case.task.of:
        labels.record(case, when, where)
    return {"rows_in": rows_in, "rows_valid": len(valid), "rows_quarantined": len(quarantined)}


def _checked(case: UseCase, table: Table, landed: Landed, when: Period) -> Checked:
    """Return the file's rows divided, the valid ones with `known_at` and `night`."""
    try:
        checked = validation.check(landed.rows, coherence.model(case, table), table.key)
    except DataError as fault:
        return Checked(
            rows_in=len(landed.rows),
            valid=pd.DataFrame(),
            quarantined=landed.rows.assign(reasons=f"the whole file: {fault}"),
        )
    arrived = arrival.place(checked.valid, table, case.horizon, when)
    for reason in arrived.refused[arrived.refused != ""].unique():
        rows = arrived.refused.reindex(checked.valid.index) == reason
        checked = validation.refuse(checked, landed.rows, rows, reason)
    return Checked(
        rows_in=checked.rows_in, valid=arrived.rows.loc[checked.valid.index], quarantined=checked.quarantined
    )


def _derived(case: UseCase, table: Table, valid: pd.DataFrame) -> pd.DataFrame:
    if valid.empty:
        return valid
    functions = coherence.functions(case)
    valid = valid.assign(**{name: features.call(functions[name], valid) for name in table.derived})
    keyed = set(case.table(case.entities).key) <= set(valid.columns)
    return valid.assign(entity=features.entity_ids(case, valid)) if keyed else valid


def _quarantined(table: Table, landed: Landed, checked: Checked, when: Period) -> pd.DataFrame:
    columns = list(landed.rows.columns)
    refused = checked.quarantined
    texts = [json.dumps(dict(zip(columns, row, strict=True))) for row in refused[columns].itertuples(index=False)]
    judged = pd.DataFrame({"text": texts, "reasons": refused["reasons"]}, refused.index, dtype=object)
    rows = pd.concat([part for part in (judged, landed.malformed) if len(part)] or [judged])
    return rows.assign(line=rows.index, night=str(when.last), table=table.name, file=landed.name)[list(_QUARANTINE)]


def _tell(
    case: UseCase,
    table: Table,
    landed: Landed,
    valid: pd.DataFrame,
    quarantined: pd.DataFrame,
    when: Period,
    where: Settings,
) -> None:
    engine = warehouse.engine(where.warehouse_url)
    per_night = valid["night"].value_counts().to_dict() if len(valid) else {}
    taken = [
        (night, int(per_night.get(str(night), 0)), len(quarantined) * (night == when.last))
        for night in case.horizon.nights(when)
    ]
    warehouse.record_ingestion(
        engine,
        *(
            warehouse.Ingestion(
                use_case=case.name,
                night=night,
                source_table=table.name,
                rows_in=good + bad,
                rows_valid=good,
                rows_quarantined=bad,
            )
            for night, good, bad in taken
        ),
    )
    if len(quarantined):
        message = f"{len(quarantined)} rows of {landed.name} quarantined: {_summary(quarantined['reasons'])}"
        alert = warehouse.Alert(
            use_case=case.name, night=when.last, kind="quarantine", subject=table.name, message=message
        )
        warehouse.raise_alert(engine, alert)


def _summary(reasons: pd.Series) -> str:
    counted = reasons.value_counts()
    told = [f"{reason} ({count})" for reason, count in counted.head(3).items()]
    return ", ".join(told) + (f" and {len(counted) - 3} other reasons" if len(counted) > 3 else "")


def _record(case: UseCase, when: Period, counts: dict[str, int], files: dict[str, str], where: Settings) -> None:
    """Write down what was taken, once for each content of the files: a corrected file is another fact."""
    engine = warehouse.engine(where.warehouse_url)
    before = ledger.entries(engine, use_case=case.name, kind="validated", night=when.last, subject=str(when))
    if before and before[-1].payload["files"] == files:
        return
    versions = {t.name: lake.version(lake.address(where.lake, case.name, "valid", t.name)) for t in case.tables}
    ledger.append(
        engine,
        kind="validated",
        use_case=case.name,
        night=when.last,
        subject=str(when),
        payload={**counts, "files": dict(files), "versions": dict(versions)},
        key=f"{case.name}:validated:{when}:{len(before) + 1}",
    )
