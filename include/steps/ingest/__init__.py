"""Landing to valid or quarantined: every row of a period's files ends in exactly one of the two."""

import tempfile
from pathlib import Path

from include import usecases
from include.settings import Settings, load_settings
from include.steps.ingest import files, labels, reporting, tables
from include.stores import landing
from include.stores.landing import Place
from include.usecases import coherence
from ml.errors import DataError
from ml.periods import Period
from ml.usecase import UseCase


def ingest(use_case: str, period: str) -> dict[str, int]:
    """Take the files of `period` and return the counts of rows in, valid and quarantined.

    A file that breaks the contract is quarantined whole, one that was taken for an earlier night is left out, and the
    others are taken. Raises RequestError, DeclarationError, and DataError when the file of a table is not there.
    """
    case, settings = usecases.get(use_case), load_settings()
    when = case.horizon.parse(period)
    coherence.check(case)
    place = landing.place(settings.landing, case.name, when)
    _draw(case, when, place, settings)
    with tempfile.TemporaryDirectory() as scratch:
        arrived = files.look(case, when, place, Path(scratch), settings)
        written = {
            table.name: tables.take(case, table, arrived.of(table), when, settings) for table in tables.in_order(case)
        }
    taken = {name: each.taken for name, each in written.items()}
    labels.settle(case, when, settings)
    told = files.record(case, when, arrived, taken, settings)
    reporting.tell(case, when, told, taken, {name: each.version for name, each in written.items()}, settings)
    for later in files.unsettled(case, when, settings):
        ingest(use_case, later)
    return {
        "rows_in": sum(each.rows_in for each in taken.values()),
        "rows_valid": sum(each.rows_valid for each in taken.values()),
        "rows_quarantined": sum(each.rows_quarantined for each in taken.values()),
    }


def _draw(case: UseCase, when: Period, place: Place, settings: Settings) -> None:
    """Let the use case's own source, if it has one, land what is not there yet."""
    if not usecases.has(case.name, "source"):
        return
    source, data = usecases.module(case.name, "source"), settings.data / case.name
    if isinstance(place, landing.Folder):
        place.make()
        with usecases.blaming(case.name, DataError):
            source.land(place.path, when, data)
        return
    with tempfile.TemporaryDirectory() as folder:
        with usecases.blaming(case.name, DataError):
            source.land(Path(folder), when, data)
        there = set(place.names())
        for path in sorted(Path(folder).iterdir()):
            if path.name not in there:
                place.put(path.name, path.read_bytes())
