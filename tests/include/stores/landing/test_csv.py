"""Every line becomes a row or is named malformed, by whichever of the two readers."""

import io
import tracemalloc
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from include.stores.landing import csv, formats
from include.stores.landing.rows import Rows
from ml.errors import DataError
from ml.ingestion.declared_columns import DeclaredColumns
from ml.usecase import CsvFormat
from tests import landed

HEADER = b"who,size\n"


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xef\xbb\xbf"], ids=["empty", "blank lines", "BOM alone"])
def test_a_file_without_a_header_is_refused(content: bytes) -> None:
    with pytest.raises(DataError, match=r"expected a header line, got an empty file"):
        landed.rows("a.csv", content)


@pytest.mark.parametrize("quote", [b"", b'"'], ids=["unquoted", "quoted"])
@pytest.mark.parametrize("mark_of_file", [b"", b"\xef\xbb\xbf"], ids=["no mark", "a mark of the file"])
def test_a_byte_order_mark_in_a_cell_is_kept_in_every_row(mark_of_file: bytes, quote: bytes) -> None:
    cell = b"\xef\xbb\xbfann"
    content = mark_of_file + HEADER + cell + b",3\n" + cell + b",4\n" + quote + b"bob" + quote + b",5\n"
    assert landed.rows("a.csv", content).well_formed["who"].tolist() == ["\ufeffann", "\ufeffann", "bob"]


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
            ["expected values separated by ',', got unexpected end of data"],
        ),
        (
            HEADER + GOOD + b'x,"1\n' + AFTER,
            ["ann", "bob"],
            ["expected values separated by ',', got unexpected end of data"],
        ),
        (
            HEADER + GOOD + b'"x,1\n' + AFTER + b'"y",2\n',
            ["ann", "bob", "y"],
            ["expected values separated by ',', got"],
        ),
        (HEADER + GOOD + b'"x"y,1\n' + AFTER, ["ann", "bob"], ["expected values separated by ',', got"]),
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
    content: bytes, rows: list[str], malformed: list[str]
) -> None:
    read = landed.rows("a.csv", content)
    assert read.well_formed["who"].tolist() == rows
    assert [
        reason[: len(reported)] for reason, reported in zip(read.malformed["reasons"], malformed, strict=True)
    ] == malformed


@pytest.mark.parametrize("between", [b'"two\nlines",1\n', b"\nx,1\n"], ids=["with quotes", "without"])
def test_rows_and_malformed_ones_bear_the_numbers_of_their_lines(between: bytes) -> None:
    read = landed.rows("a.csv", HEADER + GOOD + b"x\n" + between + AFTER)
    assert (read.well_formed.index[[0, -1]].tolist(), read.malformed.index.tolist()) == ([2, 6], [3])


def test_a_column_named_twice_is_refused() -> None:
    with pytest.raises(DataError, match=r"expected each column once, got 'who' twice"):
        landed.rows("a.csv", b"who,who\nann,3\n")


def test_another_encoding_is_named() -> None:
    with pytest.raises(DataError, match="expected UTF-8 text, got UTF-16"):
        landed.rows("a.csv", "who,size\nann,3\n".encode("utf-16"))


CELLS = st.text(st.characters(codec="utf-8", exclude_characters='",\r\n\0'), max_size=6)


@given(st.lists(st.lists(CELLS, min_size=1, max_size=4), max_size=6))
@example([["\ufffd", "1"]])
def test_both_readers_read_the_same(lines: list[list[str]]) -> None:
    body = "".join(",".join(cells) + "\n" for cells in lines).encode()
    plain = landed.rows("a.csv", HEADER + body)
    quoted = landed.rows("a.csv", b'"who",size\n' + body)
    assert plain.well_formed.astype(object).to_dict() == quoted.well_formed.to_dict()
    assert plain.malformed["reasons"].to_dict() == quoted.malformed["reasons"].to_dict()


def test_no_line_is_lost_among_many_odd_ones() -> None:
    content = HEADER + b"".join(b"a,1\n" if n % 3 else b"odd\n" for n in range(1000))
    assert landed.rows("a.csv", content).count == 1000


LINE_ENDS = st.sampled_from([b"\n", b"\r\n"])
TEXTS = st.sampled_from(["ann", "zoë", "\u20ac9", "\U0001f6b2", "", "\ufffd", "x" * 9, "\0"])


@given(
    st.lists(st.tuples(st.lists(TEXTS, min_size=1, max_size=3), LINE_ENDS), max_size=9),
    st.booleans(),
    st.booleans(),
    st.integers(1, 5),
)
@example([(["zo\u00eb", "1"], b"\r\n"), (["\u20ac", "2"], b"\r\n"), (["x", "3"], b"\n")], True, False, 1)
def test_batch_by_batch_the_same_rows_are_read(
    lines: list[tuple[list[str], bytes]], ends: bool, quoted: bool, most: int
) -> None:
    content = (b'"who",size\r\n' if quoted else b"\r\n" + HEADER) + b"".join(
        ",".join(cells).encode() + end for cells, end in lines
    )
    content = content if ends else content.rstrip(b"\r\n")
    batches = list(formats.read("a.csv", io.BytesIO(content), most))
    assert all(each.count <= most for each in batches)
    assert landed.all_lines(batches) == landed.all_lines([landed.rows("a.csv", content)])


@pytest.mark.parametrize("block", [1, 2, 3, 7, 100])
@pytest.mark.parametrize(
    ("content", "malformed", "plain"),
    [
        (b"who,size\r\nann,3\r\nbob,4\r\n", 0, True),
        ("who,size\nzo\u00eb,3\nb\u20acb,4".encode(), 0, True),
        (b"who,size\nann,3\nbob,4\r", 0, False),
        (b'who,size\nann,3\n"b,ob",4\n', 0, False),
        (b"who,size\nann,3\nbob,\xe2\x82\n", 1, True),
    ],
    ids=["Windows line ends", "no last line end", "a CR at the end", "quotes", "a character cut at a line end"],
)
def test_how_the_text_is_blocked_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, block: int, content: bytes, malformed: int, plain: bool
) -> None:
    monkeypatch.setattr(csv, "_BLOCK", block)
    read = landed.rows("a.csv", content)
    assert (len(read.well_formed), len(read.malformed)) == (2 - malformed, malformed)
    assert read.well_formed["who"].iloc[0] in ("ann", "zo\u00eb")
    assert (read.well_formed["who"].dtype == "category") is plain  # only the reader of plain text makes categories


def test_a_quote_that_is_never_closed_costs_its_line_and_the_memory_of_one_record(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(csv, "_MAX_RECORD", 100)
    content = HEADER + b'"x,1\n' + GOOD * 1000
    read = landed.rows("a.csv", content)
    assert len(read.well_formed) == 1000
    assert read.malformed["reasons"].tolist() == [
        "expected values separated by ',', got a record of more than 100 characters"
    ]


def test_a_file_with_quotes_is_read_in_the_memory_of_a_batch() -> None:
    line = b'"ann, the first",3\n'
    peaks = []
    for count in (2_000, 20_000):
        content = io.BytesIO(HEADER + line * count)
        tracemalloc.start()
        assert sum(each.count for each in formats.read("a.csv", content, 500)) == count
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.5 * peaks[0]


def test_many_open_quotes_cost_one_more_scan_of_the_lines_between_them(monkeypatch: pytest.MonkeyPatch) -> None:
    scanned, original = [], csv._RecordLines.__next__
    monkeypatch.setattr(csv._RecordLines, "__next__", lambda self: scanned.append(1) or original(self))
    lines = (HEADER + (b'"x,1\n' + GOOD * 9) * 200).decode().splitlines(keepends=True)
    assert len([each for each in csv._records(lines) if each.fault]) == 200
    assert len(scanned) < 2.2 * len(lines)


COLUMNS = DeclaredColumns(names=("who", "size"))


def written(content: bytes, form: CsvFormat, columns: DeclaredColumns = COLUMNS) -> Rows:
    """Return the rows of a file whose table declares this format."""
    (batch,) = formats.read("a.csv", io.BytesIO(content), 1000, replace(columns, csv=form))
    return batch


@pytest.mark.parametrize("quote", ["", '"'], ids=["unquoted", "quoted"])
@pytest.mark.parametrize("delimiter", [";", "\t", "|", ","])
@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "utf-16", "utf-16-le", "iso8859-15"])
def test_a_file_is_read_in_its_encoding_and_with_its_delimiter(encoding: str, delimiter: str, quote: str) -> None:
    lines = (f"who{delimiter}size", f"{quote}Zoë{quote}{delimiter}3", f"{quote}Jörg{quote}{delimiter}4,5"[:-2])
    result = written("\r\n".join(lines).encode(encoding), CsvFormat(delimiter=delimiter, encoding=encoding))
    assert result.well_formed.to_dict("list") == {"who": ["Zoë", "Jörg"], "size": ["3", "4"]}
    assert result.malformed.empty


def test_commas_are_text_where_another_delimiter_is_declared() -> None:
    result = written(b"who;size\nann, the first;1,5\nbob;2;3\n", CsvFormat(delimiter=";"))
    assert result.well_formed["who"].tolist() == ["ann, the first"]
    assert result.malformed["reasons"].tolist() == ["expected 2 fields, got 3"]


def test_a_byte_that_the_encoding_does_not_have_is_malformed_on_its_line_only() -> None:
    result = written(b"who,size\nann,1\nx\x81y,2\nbob,3\n", CsvFormat(encoding="cp1252"))
    assert result.well_formed["who"].tolist() == ["ann", "bob"]
    assert result.malformed.index.tolist() == [3]


def test_a_long_file_in_another_encoding_is_decoded_across_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv, "_BLOCK", 7)
    content = ("who,size\n" + "Zoë,3\n" * 50).encode("utf-16")
    assert set(written(content, CsvFormat(encoding="utf-16")).well_formed["who"]) == {"Zoë"}


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
@pytest.mark.parametrize("quote", ["", '"'])
def test_a_wrong_delimiter_is_named_at_the_header(delimiter: str, quote: str) -> None:
    content = f"{quote}who{quote}{delimiter}{quote}size{quote}\nann{delimiter}3\n".encode()
    with pytest.raises(DataError) as reported:
        written(content, CsvFormat())
    assert f"got one column; {delimiter!r} is probably the delimiter" in str(reported.value)
    assert f"declare Table(csv=CsvFormat(delimiter={delimiter!r}))" in str(reported.value)


def test_a_header_of_one_column_that_is_declared_or_unknown_is_no_wrong_delimiter() -> None:
    one = DeclaredColumns(names=("who;size",))
    assert written(b"who;size\nx\n", CsvFormat(), one).well_formed["who;size"].tolist() == ["x"]
    assert written(b"a;b\nx;y\n", CsvFormat()).well_formed["a;b"].tolist() == ["x;y"]


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.csv", b'"Who?",size\nann,3\n'), ("a.jsonl", b'{"Who?": "ann", "size": 3}\n')],
    ids=["CSV", "JSON lines"],
)
def test_columns_get_their_declared_names(name: str, content: bytes) -> None:
    columns = replace(COLUMNS, renamed={"Who?": "who"})
    (batch,) = formats.read(name, io.BytesIO(content), 10, columns)
    assert batch.well_formed.to_dict("list") == {"who": ["ann"], "size": ["3"]}
    assert batch.malformed.empty


def test_a_file_with_both_names_of_a_column_is_refused() -> None:
    with pytest.raises(DataError, match="expected each column once, got 'who' twice"):
        written(b"Who?,who\n1,2\n", CsvFormat(), replace(COLUMNS, renamed={"Who?": "who"}))


def test_a_format_of_cells_is_for_csv_only() -> None:
    columns = replace(COLUMNS, csv=CsvFormat(decimal=","))
    with pytest.raises(DataError, match="expected CSV, because the table declares how its cells are written"):
        list(formats.read("a.jsonl", io.BytesIO(b'{"who": "ann", "size": "1.5"}\n'), 10, columns))
    assert written(b"who,size\nann,1\n", CsvFormat(decimal=",")).count == 1
