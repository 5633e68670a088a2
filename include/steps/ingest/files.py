"""A period's files: which there are, which are new, and what became of each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from include.settings import Settings
from include.stores import landing, warehouse
from include.stores.landing import Arrival, Landed, Place
from include.stores.warehouse import Fate, File
from ml import periods
from ml.errors import DataError
from ml.ingestion import chunks
from ml.ingestion.row_counts import Tally
from ml.periods import Period
from ml.usecase import Table, UseCase


@dataclass(frozen=True, kw_only=True, slots=True)
class Arrived:
    """The files of a period: those of each table in the order of their parts, and those that are not looked into.

    `doubles` has, for a file whose bytes were taken already, where; `strays` the files that are no table's; `stamps` how
    each file looked before it was read.
    """

    landed: Mapping[str, Sequence[Landed]]
    doubles: Mapping[str, str]
    strays: Sequence[str]
    stamps: Mapping[str, str]

    def of(self, table: Table) -> list[Landed]:
        """Return the readable new files of `table`."""
        return [each for each in self.landed[table.name] if not each.fault and each.name not in self.doubles]


def look(case: UseCase, when: Period, place: Place, scratch: Path, settings: Settings) -> Arrived:
    """Return the period's files, each looked through; raises DataError when a table that must land has none.

    Files of another machine are brought to the folder `scratch`.
    """
    names = [table.name for table in case.tables]
    arrivals = landing.arrivals(place, names)
    there = {each.table for each in arrivals}
    for table in case.tables:
        if table.required and table.name not in there:
            raise DataError(
                f"expected a file of {table.name!r} ({table.name}.csv, .csv.gz, .parquet or .jsonl) in {place}; land it "
                "and run this night again, nothing was taken"
            )
    landed = {name: _looked([each for each in arrivals if each.table == name], place, scratch) for name in names}
    return Arrived(
        landed=landed,
        doubles=_doubles(case, when, landed, settings),
        strays=[each.name for each in arrivals if each.table is None],
        stamps={each.name: each.stamp for each in arrivals},
    )


def _looked(arrivals: Sequence[Arrival], place: Place, scratch: Path) -> list[Landed]:
    """Return the files of a table; they keep no more rows in memory than are judged at once."""
    landed: list[Landed] = []
    room = chunks.LONGEST
    for each in arrivals:
        landed.append(landing.look(place, each, scratch, keep=room))
        room -= 0 if landed[-1].kept is None else landed[-1].count
    return landed


def record(
    case: UseCase, when: Period, arrived: Arrived, taken: Mapping[str, Tally], settings: Settings
) -> tuple[File, ...]:
    """Write what became of each file into the ledger of files, and return it."""
    told = [
        _fate(case, when, table, each, arrived.doubles.get(each.name), taken[table])
        for table, files in arrived.landed.items()
        for each in files
    ]
    names = ", ".join(table.name for table in case.tables)
    told += [
        File(
            use_case=case.name,
            period=str(when),
            name=name,
            source_table="",
            sha256="",
            size_bytes=0,
            verdict=Fate.NO_TABLE,
            reason=f"expected a name that begins with a table's ({names}) and a dot",
        )
        for name in arrived.strays
    ]
    engine = warehouse.engine(settings.warehouse_url)
    warehouse.record_files(engine, case.name, str(when), told)
    warehouse.record_stamps(engine, case.name, str(when), arrived.stamps)
    return tuple(told)


def unsettled(case: UseCase, when: Period, settings: Settings) -> list[str]:
    """Return the later periods in which a file counts as new, or as a double, and no longer is."""
    seen: dict[tuple[str, str], set[str]] = {}
    wrong = set()
    for each in _in_order(warehouse.files(warehouse.engine(settings.warehouse_url), case.name)):
        before = seen.setdefault(_content(each), set())
        is_double = any(period == each.period or not _replaces(each.period, period) for period in before)
        if is_double is not (each.verdict is Fate.DUPLICATE):
            wrong.add(each.period)
        before.add(each.period)
    return sorted(period for period in wrong if _begins(period) > _begins(str(when)))


def _fate(case: UseCase, when: Period, table: str, landed: Landed, double_of: str | None, taken: Tally) -> File:
    valid, held = taken.by_file.get(landed.name, 0), sum(taken.held.get(landed.name, {}).values())
    reason = landed.fault or taken.refused.get(landed.name, "")
    verdict = Fate.QUARANTINED if reason else Fate.TAKEN
    if double_of is not None:
        verdict, reason = Fate.DUPLICATE, f"the same bytes as {double_of}"
    return File(
        use_case=case.name,
        period=str(when),
        name=landed.name,
        source_table=table,
        sha256=landed.sha256,
        size_bytes=landed.size_bytes,
        verdict=verdict,
        reason=reason,
        rows_in=valid + held,
        rows_valid=valid,
        rows_quarantined=held,
    )


def _doubles(case: UseCase, when: Period, landed: Mapping[str, Sequence[Landed]], settings: Settings) -> dict[str, str]:
    """Return the files with the bytes of a file of the same table that came before, here or for an earlier period."""
    known = _in_order(warehouse.files(warehouse.engine(settings.warehouse_url), case.name))
    taken: dict[tuple[str, str], str] = {}
    for each in known:
        if _begins(each.period) < _begins(str(when)) and not _replaces(str(when), each.period):
            taken.setdefault(_content(each), f"{each.name} of {each.period}")
    doubles = {}
    for table, files in landed.items():
        for file in files:
            content = table, file.sha256
            if file.count and content in taken:
                doubles[file.name] = taken[content]
            taken.setdefault(content, f"{file.name} of {when}")
    return doubles


def _in_order(files: Sequence[File]) -> list[File]:
    """Return the files that hold rows, or would if they were no doubles, in the order of periods and parts."""
    holding = [each for each in files if each.rows_in or each.verdict is Fate.DUPLICATE]
    return sorted(holding, key=lambda each: (_begins(each.period), landing.order(each.name)))


def _content(file: File) -> tuple[str, str]:
    return file.source_table, file.sha256


def _replaces(period: str, other: str) -> bool:
    """Return whether nights of `other` are those of `period` too, which puts its own rows in their place."""
    here, there = periods.parse(period), periods.parse(other)
    return there.first in here or here.first in there


def _begins(period: str) -> tuple[str, str]:
    parsed = periods.parse(period)
    return str(parsed.first), str(parsed.last)
