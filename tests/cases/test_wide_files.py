"""The time to read a file is linear in its number of columns, in every format."""

import io
import time
from collections.abc import Callable

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from include.stores.landing import formats
from ml.ingestion.declared_columns import DeclaredColumns

NARROW, WIDE, QUADRATIC = 1_000, 8_000, 64


def names(count: int) -> list[str]:
    return [f"c{number}" for number in range(count)]


def parquet(count: int) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.table({name: ["a"] for name in names(count)}), file)
    return file.getvalue()


def csv(count: int) -> bytes:
    return f"{','.join(names(count))}\n{','.join('1' * count)}\n".encode()


def quoted_csv(count: int) -> bytes:
    return csv(count).replace(b"c0", b'"c0"')


def jsonl(count: int) -> bytes:
    return ("{" + ", ".join(f'"{name}": 1' for name in names(count)) + "}\n").encode()


@pytest.mark.parametrize(
    ("name", "make"),
    [("a.parquet", parquet), ("a.csv", csv), ("a.csv", quoted_csv), ("a.jsonl", jsonl)],
    ids=["Parquet", "CSV", "quoted CSV", "JSON lines"],
)
def test_the_time_is_linear_in_the_number_of_columns(name: str, make: Callable[[int], bytes]) -> None:
    """What disturbs a reading only makes it longer: the least of three narrow ones, and any of three wide ones, count."""
    narrow, wide = make(NARROW), make(WIDE)
    least = min(cpu_seconds(name, narrow, NARROW) for _ in range(3))
    assert any(cpu_seconds(name, wide, WIDE) < QUADRATIC / 2 * least for _ in range(3))


def cpu_seconds(name: str, content: bytes, columns: int) -> float:
    """Return the CPU time of reading a file of one row."""
    start = time.process_time()
    (rows,) = formats.read(name, io.BytesIO(content), 10, DeclaredColumns(names=("c0",)))
    assert rows.well_formed.shape == (1, columns)
    return time.process_time() - start
