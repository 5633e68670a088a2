"""Outcomes of a million flights and of five million, from a CSV on disk to their verdict, and on to one commit in Delta.

The rows are those of a real year, of fleets that fly it side by side, told apart by their carriers. Each measurement has a
process of its own; times are CPU seconds, of all threads.
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

USE_CASE, YEAR, TABLE, KNOWN = "flights", "2013-01-01..2013-12-31", "outcomes", "airports"
ROWS = (1_000_000, 5_000_000)
BARS = {"peak_of_judging_5_million_to_1": 1.3}


def run() -> dict[str, Any]:
    """Return memory and speed of judging, and of taking, a long table; needs a parent that is small itself."""
    measured = {}
    with tempfile.TemporaryDirectory() as folder:
        _child("draw", folder, 0)
        for rows in ROWS:
            _tile(Path(folder), rows)
            measured[rows] = {what: _child(what, folder, rows) for what in ("judge", "take")}
    one, five = (measured[rows] for rows in ROWS)
    ratios = {what: round(five[what]["peak_megabytes"] / one[what]["peak_megabytes"], 2) for what in one}
    print(
        f"long tables: peak of 5 million rows to that of 1 million {ratios}, {five['judge']['rows_per_second']} rows/s"
    )
    return {
        "bars": BARS,
        "peak_of_judging_5_million_to_1": ratios["judge"],
        "peak_of_taking_5_million_to_1": ratios["take"],
        "judged": [measured[rows]["judge"] for rows in ROWS],
        "taken": [measured[rows]["take"] for rows in ROWS],
    }


def _child(what: str, folder: str, rows: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "bench.long_tables", what, folder, str(rows)]
    environment = {**os.environ, "RATCHET_HOME": f"{folder}/{what}{rows}"}
    told = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment).stdout
    measured: dict[str, Any] = json.loads(told.splitlines()[-1])
    return measured


def _draw(folder: Path, _: int) -> dict[str, Any]:
    from include import usecases
    from include.settings import load_settings
    from ml.usecase import periods

    usecases.module(USE_CASE, "source").land(folder / "drawn", periods.parse(YEAR), load_settings().data / USE_CASE)
    return {}


def _tile(folder: Path, rows: int) -> None:
    """Write so many outcomes, fleet after fleet."""
    header, *lines = (folder / "drawn" / f"{TABLE}.csv").read_text().splitlines(keepends=True)
    place = header.split(",").index("carrier")
    cut = [line.split(",", place + 1) for line in lines]
    carriers = sorted({cells[place] for cells in cut})
    names = ("".join(pair) for pair in product(ascii_uppercase + digits, repeat=2))

    def fleets() -> Iterator[str]:
        for _ in count():
            named = dict(zip(carriers, names, strict=False))
            yield from (",".join([*cells[:place], named[cells[place]], cells[-1]]) for cells in cut)

    with (folder / f"{TABLE}.csv").open("w") as file:
        file.write(header)
        file.writelines(islice(fleets(), rows))


def _judge(folder: Path, rows: int) -> dict[str, Any]:
    """Judge the file stretch by stretch, as the step does, and keep nothing but what it counts."""
    from include.stores import landing
    from include.stores.landing import Folder, LandedFile
    from include.usecases import coherence
    from ml.ingestion import chunks, intake
    from ml.ingestion.intake import FilePart
    from ml.ingestion.row_counts import RowCounts
    from ml.ingestion.validation import SeenKeys
    from ml.usecase.periods import parse

    case, table = _declared()
    airports = landing.scan(Folder(folder / "drawn"), LandedFile(name=f"{KNOWN}.csv", table=KNOWN), folder)
    known = dict.fromkeys(table.references, next(airports.batches(rows)).well_formed)
    file = landing.scan(Folder(folder), LandedFile(name=f"{TABLE}.csv", table=TABLE), folder)
    length, seen, tally = chunks.length(file.count), SeenKeys(), RowCounts.empty()
    parts = (FilePart(file=file.name, rows=each.well_formed, malformed=each.malformed) for each in file.batches(length))
    for stretch in chunks.split(parts, length):
        model = coherence.schema_model(case, table)
        tally += RowCounts.from_result(
            intake.ingest_table(stretch, table, model, case.horizon, parse(YEAR), known, (), seen)
        )
    return {"rows_valid": tally.rows_valid, "rows_quarantined": tally.rows_quarantined}


def _take(folder: Path, _: int) -> dict[str, Any]:
    """Take the file as the ingest step does, into a lake of its own."""
    from include.settings import load_settings
    from include.steps.ingest import tables
    from include.stores import landing
    from include.stores.landing import Folder, LandedFile
    from ml.usecase.periods import parse

    case, table = _declared()
    for each, place in ((case.table(KNOWN), folder / "drawn"), (table, folder)):
        file = landing.scan(Folder(place), LandedFile(name=f"{each.name}.csv", table=each.name), folder)
        written = tables.ingest(StepContext(case=case, settings=load_settings()), each, [file], parse(YEAR))
    return {"rows_valid": written.row_counts.rows_valid, "rows_quarantined": written.row_counts.rows_quarantined}


def _declared() -> tuple[Any, Any]:
    """Return the use case, and its outcomes without the rule that asks a schedule of as many rows."""
    from include import usecases

    case = usecases.get(USE_CASE)
    table = case.table(TABLE)
    return case, replace(table, references=tuple(each for each in table.references if each.table == KNOWN))


def _measured(what: str, folder: Path, rows: int) -> dict[str, Any]:
    started = time.process_time()
    counts = {"draw": _draw, "judge": _judge, "take": _take}[what](folder, rows)
    seconds = time.process_time() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    told = {"rows": rows, **counts, "seconds": round(seconds, 1), "rows_per_second": round(rows / seconds)}
    return {**told, "peak_megabytes": round(peak)}


if __name__ == "__main__":
    print(json.dumps(_measured(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))))
