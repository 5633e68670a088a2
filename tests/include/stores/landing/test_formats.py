"""A file is read by the end of its name, as text; what is no such file is refused with a reason, and nothing inflates."""

import gzip
import io
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from include.stores.landing import formats, jsonlines
from ml.errors import DataError
from tests import landed

FRAME = pd.DataFrame(
    {
        "code": ["007", "NA", None],
        "size": [1.0, None, 2.5],
        "count": [1, 2, 3],
        "open": [True, False, True],
        "day": pd.to_datetime(["2013-02-08", "2013-02-09", None]),
        "at": pd.to_datetime(["2013-02-08T05:00:00Z", "2013-02-08T06:30:01Z", None]).tz_convert("America/New_York"),
    }
)
TEXTS = {
    "code": ["007", "NA", ""],
    "size": ["1", "", "2.5"],
    "count": ["1", "2", "3"],
    "open": ["true", "false", "true"],
    "day": ["2013-02-08T00:00:00", "2013-02-09T00:00:00", ""],
    "at": ["2013-02-08T05:00:00Z", "2013-02-08T06:30:01Z", ""],
}


def parquet(frame: pd.DataFrame, **options: object) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pandas(frame), buffer, **options)
    return buffer.getvalue()


LINES = b"""{"code": "007", "size": 1e400, "open": true}
{"open": false, "code": "NA"}

{"code": "a", "size": null, "open": null}
"""


def test_parquet_is_text_as_it_would_be_written() -> None:
    assert landed.rows("a.parquet", parquet(FRAME)).well_formed.astype(object).to_dict("list") == TEXTS


def test_json_lines_keep_every_number_as_it_is_written_and_an_absent_name_is_empty() -> None:
    rows = landed.rows("a.jsonl", LINES)
    assert rows.well_formed.to_dict("list") == {
        "code": ["007", "NA", "a"],
        "size": ["1e400", "", ""],
        "open": ["true", "false", ""],
    }
    assert rows.well_formed.index.tolist() == [1, 2, 4]


def test_a_gzipped_file_is_the_file_that_it_holds() -> None:
    rows = landed.rows("a.csv.gz", gzip.compress(b"who,size\nann,3\n"))
    assert rows.well_formed.astype(object).to_dict("list") == {"who": ["ann"], "size": ["3"]}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"[1, 2]", "expected an object in JSON, got list"),
        (b"{", "expected an object in JSON, got Expecting"),
        (b'{"code": {"a": 1}, "size": 1, "open": 1}', "expected flat values, got something nested in 'code'"),
        (b'{"code": 1, "code": 2}', "expected each name once, got one twice"),
        (b'{"code": "x", "size": 1, "tip": 1}', "expected the names ['code', 'size', 'open'], got also ['tip']"),
        (b'{"code": "\\u0000"}', "expected UTF-8 text, got bytes that are not"),
        (b'{"code": "\\ud800"}', "expected UTF-8 text, got bytes that are not"),
        (b"[" * 100_000, "expected an object in JSON, got"),
    ],
    ids=["a list", "cut", "nested", "a name twice", "another name", "NUL", "half a surrogate", "deep"],
)
def test_a_line_that_is_no_flat_object_is_named_and_the_others_stay(line: bytes, reason: str) -> None:
    rows = landed.rows("a.jsonl", LINES + line + b"\n")
    assert (len(rows.well_formed), rows.malformed.index.tolist()) == (3, [5])
    assert rows.malformed["reasons"].iloc[0].startswith(reason)


WHOLE = parquet(FRAME)
NESTED = parquet(pd.DataFrame({"a": [[1, 2]]}))


@pytest.mark.parametrize(
    ("name", "content", "reported"),
    [
        ("a.xlsx", b"PK", "a.xlsx: expected a name that ends in one of .csv, .parquet"),
        ("a.csv", b"", "a.csv: expected a header line, got an empty file"),
        ("a.jsonl", b"\n \n", "a.jsonl: expected lines of JSON, got an empty file"),
        ("a.csv.gz", b"who,size\n", "a.csv.gz: expected a gzip file, got a damaged one"),
        (
            "a.csv.gz",
            gzip.compress(b"who,size\n" * 999)[:-9],
            "a.csv.gz: expected a whole gzip file, but it ends early",
        ),
        (
            "a.csv.gz",
            gzip.compress(bytes(1 << 27)),
            "a.csv.gz: expected a gzip file of .* bytes to hold at most 67,108,864",
        ),
        ("a.parquet", b"PAR1", "a.parquet: expected a whole Parquet file, got a damaged one"),
        ("a.parquet", WHOLE[:-20], "a.parquet: expected a whole Parquet file, got a damaged one"),
        ("a.parquet", NESTED, "a.parquet: expected flat columns, got 'a' of type list"),
    ],
    ids=["unknown", "empty", "blank lines", "no gzip", "cut gzip", "gzip bomb", "no Parquet", "cut Parquet", "nested"],
)
def test_a_file_that_is_none_is_refused_with_a_reason(name: str, content: bytes, reported: str) -> None:
    with pytest.raises(DataError, match=reported):
        landed.rows(name, content)


def test_a_flipped_bit_in_a_checked_page_is_seen() -> None:
    content = bytearray(parquet(FRAME, write_page_checksum=True, compression="none"))
    at = content.index(b"007")
    content[at] ^= 1
    with pytest.raises(DataError, match="expected a whole Parquet file, got a damaged one"):
        landed.rows("a.parquet", bytes(content))


@pytest.mark.parametrize("most", [1, 3, 40])
@pytest.mark.parametrize("parsed", [2, 50_000])
@pytest.mark.parametrize("name", ["a.jsonl", "a.parquet", "a.csv.gz"])
def test_batch_by_batch_the_same_rows_are_read(
    monkeypatch: pytest.MonkeyPatch, name: str, most: int, parsed: int
) -> None:
    frame = pd.DataFrame({"who": [f"who{n % 7}" for n in range(37)], "size": [n / 4 for n in range(37)]})
    frame.loc[[5, 36], "who"] = "\0"
    content = {
        "a.jsonl": b"\xef\xbb\xbf\n" + frame.to_json(orient="records", lines=True).encode() + b"{",
        "a.parquet": parquet(frame, row_group_size=10),
        "a.csv.gz": gzip.compress(frame.to_csv(index=False).encode()),
    }[name]
    whole = landed.rows(name, content)
    monkeypatch.setattr(jsonlines, "_PARSED", parsed)
    batches = list(formats.read(name, io.BytesIO(content), most))
    assert all(each.count <= most for each in batches)
    assert landed.all_lines(batches) == landed.all_lines([whole])


def test_names_that_only_the_first_lines_have_are_not_the_columns_of_a_long_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(jsonlines, "_PARSED", 2)
    content = b'{"tip": 1}\n' * 2 + b'{"who": 1}\n' * 3
    batches = list(formats.read("a.jsonl", io.BytesIO(content), 10))
    assert {tuple(each.well_formed) for each in batches} == {("who",)}
    assert [len(each.well_formed) for each in batches] == [0, 2, 1]


READ = """
import resource, sys
from pathlib import Path
from include.stores.landing import formats
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
(rows,) = formats.read("a.parquet", Path(sys.argv[1]).open("rb"), 10**9)
print(len(rows.well_formed), len(rows.malformed), (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def test_a_parquet_file_that_inflates_stays_small_in_memory(tmp_path: Path) -> None:
    bomb = tmp_path / "a.parquet"
    bomb.write_bytes(parquet(pd.DataFrame({"a": ["x" * 1_000_000] * 400})))
    read = subprocess.run([sys.executable, "-c", READ, str(bomb)], check=True, capture_output=True, text=True)
    fit, malformed, megabytes = map(int, read.stdout.split())
    assert (fit, malformed) == (0, 400)
    assert megabytes < 150
