import hashlib
from pathlib import Path

import pytest

from include.stores import landing
from include.stores.landing import Landed
from ml import nights
from ml.errors import DataError

HEADER = b"who,size\n"


def read(folder: Path, content: bytes) -> Landed:
    (folder / "rides.csv").write_bytes(content)
    return landing.read(folder, "rides")


def test_each_period_of_a_use_case_has_a_folder() -> None:
    assert landing.folder(Path("/landing"), "taxi", nights.parse("2013-02-08")) == Path("/landing/taxi/2013-02-08")


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(DataError, match=r"expected the file /nowhere/rides.csv; land it and run this night again"):
        landing.read(Path("/nowhere"), "rides")


def test_a_file_is_known_by_the_hash_of_its_bytes(tmp_path: Path) -> None:
    assert read(tmp_path, HEADER + b"ann,3\n").sha256 == hashlib.sha256(HEADER + b"ann,3\n").hexdigest()


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xef\xbb\xbf"], ids=["empty", "blank lines", "BOM alone"])
def test_a_file_without_a_header_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(DataError, match=r"rides.csv: expected a header line, got an empty file"):
        read(tmp_path, content)


GOOD, AFTER = b"ann,3\n", b"bob,4\n"


@pytest.mark.parametrize(
    ("content", "rows", "malformed"),
    [
        (HEADER, [], []),
        (HEADER + GOOD + AFTER, ["ann", "bob"], []),
        (b"\xef\xbb\xbf" + HEADER + GOOD, ["ann"], []),
        ((HEADER + GOOD + AFTER).replace(b"\n", b"\r\n"), ["ann", "bob"], []),
        ((HEADER + GOOD).replace(b"\n", b"\r"), ["ann"], []),
        (HEADER + GOOD + b"\n\n" + AFTER, ["ann", "bob"], []),
        (HEADER + GOOD.rstrip(), ["ann"], []),
        (HEADER + b'"ann, the first",3\n', ["ann, the first"], []),
        (HEADER + b'"ann\nthe first",3\n', ["ann\nthe first"], []),
        (HEADER + b"NA,NA\n", ["NA"], []),
        (HEADER + GOOD + b"x,1,2\n" + AFTER, ["ann", "bob"], ["expected 2 fields, got 3"]),
        (HEADER + GOOD + b"x\n" + AFTER, ["ann", "bob"], ["expected 2 fields, got 1"]),
        (HEADER + GOOD + b"\xff\xfe,1\n" + AFTER, ["ann", "bob"], ["expected UTF-8 text, got bytes that are not"]),
        (HEADER + GOOD + b"x\0y,1\n" + AFTER, ["ann", "bob"], ["expected UTF-8 text, got bytes that are not"]),
        (
            HEADER + GOOD + b"x" * 8_000_000 + b",1\n" + AFTER,
            ["ann", "bob"],
            ["expected fields of at most 100,000 characters, got 8,000,000"],
        ),
        (
            HEADER + GOOD + b'"x,1\n' + AFTER,
            ["ann", "bob"],
            ["expected comma-separated values, got unexpected end of data"],
        ),
        (
            HEADER + GOOD + b'x,"1\n' + AFTER,
            ["ann", "bob"],
            ["expected comma-separated values, got unexpected end of data"],
        ),
        (HEADER + GOOD + b'"x,1\n' + AFTER + b'"y",2\n', ["ann", "bob", "y"], ["expected comma-separated values, got"]),
        (HEADER + GOOD + b'"x"y,1\n' + AFTER, ["ann", "bob"], ["expected comma-separated values, got"]),
    ],
    ids=[
        "header alone",
        "plain",
        "BOM",
        "Windows line ends",
        "old Mac line ends",
        "blank lines",
        "no last line end",
        "comma in quotes",
        "line end in quotes",
        "NA is text",
        "too many fields",
        "too few fields",
        "bad UTF-8",
        "NUL",
        "field of 8 MB",
        "quote left open",
        "quote left open in the last field",
        "quote left open, closed by another",
        "text after a closed quote",
    ],
)
def test_every_row_is_read_or_named_malformed_and_good_rows_are_not_lost(
    tmp_path: Path, content: bytes, rows: list[str], malformed: list[str]
) -> None:
    landed = read(tmp_path, content)
    assert landed.rows["who"].tolist() == rows
    assert [
        reason[: len(told)] for reason, told in zip(landed.malformed["reasons"], malformed, strict=True)
    ] == malformed


def test_rows_and_malformed_ones_bear_the_numbers_of_their_lines(tmp_path: Path) -> None:
    landed = read(tmp_path, HEADER + GOOD + b"x\n" + b'"two\nlines",1\n' + AFTER)
    assert (list(landed.rows.index), list(landed.malformed.index)) == ([2, 4, 6], [3])


def test_a_column_named_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"rides.csv: expected each column once, got 'who' twice"):
        read(tmp_path, b"who,who\nann,3\n")
