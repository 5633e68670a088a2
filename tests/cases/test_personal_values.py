"""A personal value is in the tables of the lake and nowhere else, however broken the file is that it came in."""

import io
import json
import logging
import re
import sqlite3
import traceback
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from include.cli.main import app
from include.steps.features import build
from include.stores import lake
from ml.errors import DeclarationError
from tests.cases.conftest import NIGHT, ToyNight, Variant

PERSON = "Quintessa Abernathy"
COLUMNS = ("ride_date", "ride", "zone", "pickup_at", "driver", "minutes_late", "ended_at")
HEADER = ",".join(COLUMNS)
ROW = (NIGHT, "1", "north", "2024-03-16T20:00:00Z", PERSON, "3", "2024-03-16T21:00:00Z")
LINE = ",".join(ROW)


def csv(*lines: str) -> tuple[str, bytes]:
    return "rides.csv", ("\n".join(lines) + "\n").encode()


def jsonl(*rows: dict[str, object]) -> tuple[str, bytes]:
    return "rides.jsonl", "".join(json.dumps(row) + "\n" for row in rows).encode()


def parquet(table: pa.Table) -> tuple[str, bytes]:
    file = io.BytesIO()
    pq.write_table(table, file)
    return "rides.parquet", file.getvalue()


OBJECT: dict[str, object] = dict(zip(COLUMNS, ROW, strict=True))
SHIFTED = ",".join((NIGHT, "1", "north", PERSON, "3", "2024-03-16T21:00:00Z", ""))

FILES = {
    "no header": csv(LINE, LINE),
    "no header and a value twice": csv(",".join((*ROW[:5], PERSON, ROW[6])), LINE),
    "no header, quoted": csv(f'"{PERSON}",1', LINE),
    "a header in the middle": csv(HEADER, LINE, HEADER, LINE.replace(",1,", ",2,")),
    "the name as a column": csv(f"{HEADER},{PERSON}", f"{LINE},1"),
    "shifted to the left": csv(HEADER, SHIFTED, SHIFTED.replace(",1,", ",2,")),
    "in the place of the date": csv(HEADER, ",".join((PERSON, *ROW[1:])), ",".join((PERSON, "2", *ROW[2:]))),
    "in the place of a level": csv(HEADER, ",".join((*ROW[:2], PERSON, *ROW[3:]))),
    "too many fields": csv(HEADER, f"{LINE},{PERSON}"),
    "an open quote": csv(HEADER, f'"{LINE}'),
    "a key of JSON": jsonl(OBJECT, {**OBJECT, "ride": "2", PERSON: 1}, {**OBJECT, "ride": "3"}),
    "a key of all JSON": jsonl({**OBJECT, PERSON: 1}),
    "something nested": jsonl(OBJECT, {**OBJECT, PERSON: {"a": 1}}),
    "a key of most of the JSON": jsonl(
        {**OBJECT, PERSON: 1}, {**OBJECT, "ride": "2", PERSON: 1}, {**OBJECT, "ride": "3", "zzz": 1}
    ),
    "a key of JSON that looks like two reasons": jsonl(
        OBJECT, {**OBJECT, "ride": "2", f"x; {PERSON}": 1}, {**OBJECT, "ride": "3"}
    ),
    "something nested that looks like two reasons": jsonl(OBJECT, {**OBJECT, f"x; {PERSON}": {"a": 1}}),
    "a header without its first column": csv(",".join(COLUMNS[1:]), ",".join(ROW[:6])),
    "in another key, beside something nested": jsonl(OBJECT, {**OBJECT, "zone": PERSON, "minutes_late": {}}),
    "inside something nested": jsonl(OBJECT, {**OBJECT, "ride": "2", "zone": [PERSON]}),
    "a key twice": ("rides.jsonl", f'{json.dumps(OBJECT)[:-1]}, "zone": "{PERSON}"}}\n'.encode()),
    "a column of Parquet": parquet(pa.table({**{name: [value] for name, value in OBJECT.items()}, PERSON: [1]})),
    "a column of bytes": parquet(pa.table({PERSON: pa.array([b"\xff"])})),
    "a nested column": parquet(pa.table({"driver": pa.array([{PERSON: 1}])})),
    "a Parquet column twice": parquet(pa.Table.from_arrays([pa.array([1])] * 2, names=[PERSON] * 2)),
}


@pytest.mark.parametrize(("name", "content"), FILES.values(), ids=FILES.keys())
def test_a_planted_value_reaches_no_reason(
    rides: ToyNight, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str], name: str, content: bytes
) -> None:
    caplog.set_level(logging.DEBUG)
    rides.ingest(**{name.replace(".", "_"): content})
    shown = [
        CliRunner().invoke(app, command, env={"COLUMNS": "500"}).output
        for command in (["quarantine", "list", "taxi"], ["quarantine", "show", "taxi", NIGHT], ["ledger", "list"])
    ]
    for text in (*shown, caplog.text, *capfd.readouterr()):
        assert PERSON not in text
    assert [line for line in dump(rides.settings.home / "warehouse.db") if PERSON in line] == []
    assert holders(rides.settings.home) <= {"lake/taxi/valid/rides", "lake/taxi/quarantine/rides"}
    assert any(each.subject == name for each in rides.alerts())
    if name != "rides.parquet":  # a reason of the lake stays beside the text that it is about
        quarantined = lake.read(lake.address(rides.settings.lake, "taxi", "quarantine", "rides"))
        assert len(quarantined) or rides.files()[name].status == "quarantined"


def dump(database: Path) -> list[str]:
    """Return every row of every table as SQL."""
    with closing(sqlite3.connect(database)) as connection:
        return list(connection.iterdump())


def holders(home: Path) -> set[str]:
    """Return the tables and files of a home, without the landing area, whose bytes or cells contain the person."""
    result = set()
    for path in home.rglob("*"):
        if path.is_dir() or path.is_relative_to(home / "landing"):
            continue
        table = next((each for each in path.parents if (each / "_delta_log").is_dir()), None)
        if PERSON.encode() in path.read_bytes():
            result.add(str((table or path).relative_to(home)))
    return result


def test_without_personal_columns_the_name_of_an_unknown_column_is_shown(rides: ToyNight) -> None:
    rides.ingest(
        bookings_csv=b"ride_date,ride,zone,pickup_at,miles\n2024-03-17,1,north,2024-03-16T23:00:00Z,3\n",
        rides_csv=f"{HEADER}\n".encode(),
    )
    assert "not in the contract: ['miles']" in rides.files()["bookings.csv"].reason


FAILING = {
    "a derived column": ("features", "    return ((minutes_late", "    float({0!r})\n    return ((minutes_late"),
    "a rule": ("schema", "ended_at: Series[Instant]\n", "ended_at: Series[Instant]\n\n{1}"),
    "a feature": ("features", "    return pickup_at", "    sys.exit({0!r})\n    return pickup_at"),
}
RULE = f"""    @pa.dataframe_check
    def is_known(cls, rows: pd.DataFrame) -> "pd.Series[bool]":
        if rows.empty:  # as `ratchet check` applies it
            return rows["zone"].isna()
        raise KeyError({PERSON!r})
"""


@pytest.mark.parametrize(("module", "old", "new"), FAILING.values(), ids=FAILING.keys())
def test_the_message_of_a_functions_exception_reaches_no_log(
    rides: ToyNight, variant: Variant, caplog: pytest.LogCaptureFixture, module: str, old: str, new: str
) -> None:
    changes = {module: {old: new.format(PERSON, RULE)}}
    if module == "features":
        changes["features"]["import numpy"] = "import sys\n\nimport numpy"
    night = replace(rides, case=variant("taxi", "cab", changes))
    with pytest.raises(DeclarationError, match="the use case 'cab' fails in .*, line") as failed:
        night.ingest(rides_csv=f"{HEADER}\n{LINE}\n".encode())
        build.build("cab", NIGHT)
    shown = "".join(traceback.format_exception(failed.value))
    assert re.search(rf"{module}.py, line \d+: (ValueError|KeyError|SystemExit). Its message is left out", shown)
    assert PERSON not in shown + caplog.text
    assert [line for line in dump(rides.settings.home / "warehouse.db") if PERSON in line] == []


def test_without_personal_columns_the_message_is_shown(rides: ToyNight, variant: Variant) -> None:
    module, old, new = FAILING["a derived column"]
    without = {"usecase": {'personal=(Personal(column="driver"),),': ""}, module: {old: new.format("far")}}
    night = replace(rides, case=variant("taxi", "cab", without))
    with pytest.raises(DeclarationError, match="ValueError: could not convert string to float: 'far'"):
        night.ingest(rides_csv=f"{HEADER}\n{LINE}\n".encode())
