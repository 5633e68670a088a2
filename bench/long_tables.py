"""Validation and ingestion of one and of five million rows, from a CSV file to the verdicts and to one commit in Delta.

The rows repeat the outcomes of a real year with other carriers. Each measurement runs in a separate process. Times are
CPU seconds of all threads.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import count, islice, product
from pathlib import Path
from string import ascii_uppercase, digits
from typing import Any

from include.steps.context import StepContext

USE_CASE, YEAR, TABLE, REFERENCED = "flights", "2013-01-01..2013-12-31", "outcomes", "airports"
ROWS = (1_000_000, 5_000_000)
BARS = {"peak_of_judging_5_million_to_1": 1.3}


def run() -> dict[str, Any]:
    """Return memory and speed of validating and ingesting long tables; call it while this process is still small."""
    measured = {}
    with tempfile.TemporaryDirectory() as folder:
        _child("land", folder, 0)
        for rows in ROWS:
            _write_rows(Path(folder), rows)
            measured[rows] = {task: _child(task, folder, rows) for task in ("validate", "ingest")}
    one, five = (measured[rows] for rows in ROWS)
    ratios = {task: round(five[task]["peak_megabytes"] / one[task]["peak_megabytes"], 2) for task in one}
    speed = five["validate"]["rows_per_second"]
    print(f"long tables: peak memory of 5 million rows to that of 1 million {ratios}, {speed} rows/s")
    return {
        "bars": BARS,
        "peak_of_judging_5_million_to_1": ratios["validate"],
        "peak_of_taking_5_million_to_1": ratios["ingest"],
        "judged": [measured[rows]["validate"] for rows in ROWS],
        "taken": [measured[rows]["ingest"] for rows in ROWS],
    }


def _child(task: str, folder: str, rows: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "bench.long_tables", task, folder, str(rows)]
    environment = {**os.environ, "RATCHET_HOME": f"{folder}/{task}{rows}"}
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment).stdout
    measured: dict[str, Any] = json.loads(output.splitlines()[-1])
    return measured


def _land(folder: Path, _: int) -> dict[str, Any]:
    from include import usecases
    from include.settings import load_settings
    from ml.usecase import periods

    usecases.module(USE_CASE, "source").land(folder / "landed", periods.parse(YEAR), load_settings().data / USE_CASE)
    return {}


def _write_rows(folder: Path, rows: int) -> None:
    """Write a file with `rows` outcomes: the year again and again, each time with new names for the carriers."""
    header, *lines = (folder / "landed" / f"{TABLE}.csv").read_text().splitlines(keepends=True)
    position = header.split(",").index("carrier")
    split = [line.split(",", position + 1) for line in lines]
    carriers = sorted({cells[position] for cells in split})
    names = ("".join(pair) for pair in product(ascii_uppercase + digits, repeat=2))

    def fleets() -> Iterator[str]:
        for _ in count():
            renamed = dict(zip(carriers, names, strict=False))
            yield from (",".join([*cells[:position], renamed[cells[position]], cells[-1]]) for cells in split)

    with (folder / f"{TABLE}.csv").open("w") as file:
        file.write(header)
        file.writelines(islice(fleets(), rows))


def _validate(folder: Path, rows: int) -> dict[str, Any]:
    """Validate the file in chunks, as the ingest step does, and return only the row counts."""
    from include.stores import landing
    from include.stores.landing import Folder, LandedFile
    from include.usecases import coherence
    from ml.ingestion import chunks, intake
    from ml.ingestion.intake import FilePart
    from ml.ingestion.row_counts import RowCounts
    from ml.ingestion.validation import SeenKeys
    from ml.usecase.periods import parse

    case, table = _declared()
    landed = LandedFile(name=f"{REFERENCED}.csv", table=REFERENCED)
    airports = landing.scan(Folder(folder / "landed"), landed, folder)
    known = dict.fromkeys(table.references, next(airports.batches(rows)).well_formed)
    file = landing.scan(Folder(folder), LandedFile(name=f"{TABLE}.csv", table=TABLE), folder)
    length, seen, counts = chunks.length(file.count), SeenKeys(), RowCounts.empty()
    parts = (FilePart(file=file.name, rows=each.well_formed, malformed=each.malformed) for each in file.batches(length))
    for chunk in chunks.split(parts, length):
        model = coherence.schema_model(case, table)
        counts += RowCounts.from_result(
            intake.ingest_table(chunk, table, model, case.schedule, parse(YEAR), known, (), seen)
        )
    return {"rows_valid": counts.rows_valid, "rows_quarantined": counts.rows_quarantined}


def _ingest(folder: Path, _: int) -> dict[str, Any]:
    """Ingest the file with the ingest step, into a separate lake."""
    from include.settings import load_settings
    from include.steps.ingest import tables
    from include.stores import landing
    from include.stores.landing import Folder, LandedFile
    from ml.usecase.periods import parse

    case, table = _declared()
    for each, source in ((case.table(REFERENCED), folder / "landed"), (table, folder)):
        file = landing.scan(Folder(source), LandedFile(name=f"{each.name}.csv", table=each.name), folder)
        written = tables.ingest(StepContext(case=case, settings=load_settings()), each, [file], parse(YEAR))
    return {"rows_valid": written.row_counts.rows_valid, "rows_quarantined": written.row_counts.rows_quarantined}


def _declared() -> tuple[Any, Any]:
    """Return the use case, and its table of outcomes without the reference to the schedule, which has fewer rows."""
    from include import usecases

    case = usecases.get(USE_CASE)
    table = case.table(TABLE)
    return case, replace(table, references=tuple(each for each in table.references if each.table == REFERENCED))


def _measure(task: str, folder: Path, rows: int) -> dict[str, Any]:
    started = time.process_time()
    counts = {"land": _land, "validate": _validate, "ingest": _ingest}[task](folder, rows)
    seconds = time.process_time() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    measured = {"rows": rows, **counts, "seconds": round(seconds, 1), "rows_per_second": round(rows / seconds)}
    return {**measured, "peak_megabytes": round(peak)}


if __name__ == "__main__":
    print(json.dumps(_measure(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))))
