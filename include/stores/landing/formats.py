"""Read a landed file in the format that the end of its name says. The size of decompressed files is bounded."""

import gzip
import os
import tempfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import IO

from include.stores.landing import csv, jsonlines, parquet, rows
from include.stores.landing.rows import Rows
from ml.errors import DataError
from ml.ingestion.declared_columns import ANY_COLUMNS, DeclaredColumns

LARGEST_INFLATED = 4 * 1024**3
_RATIO, _MIN_BOUND = 200, 64 * 1024**2
_CHUNK = 4 * 1024**2

_READERS: dict[str, Callable[[IO[bytes], int, DeclaredColumns], Iterator[Rows]]] = {
    ".csv": csv.read,
    ".parquet": parquet.read,
    ".jsonl": jsonlines.read,
    ".ndjson": jsonlines.read,
}
_INFLATED = (".csv.gz", ".jsonl.gz", ".ndjson.gz")


def read(name: str, file: IO[bytes], max_rows: int, columns: DeclaredColumns = ANY_COLUMNS) -> Iterator[Rows]:
    """Yield the rows of the file `name` in batches of at most `max_rows`; an empty table is one empty batch.

    `columns` are those of the contract of its table. Raises DataError when the file cannot be read, whatever the reason
    in the file is; batches yielded before it must then be discarded.
    """
    ending = next((each for each in (*_INFLATED, *_READERS) if name.lower().endswith(each)), None)
    if ending is None:
        raise DataError(f"{name}: expected a name that ends in one of {', '.join((*_READERS, *_INFLATED))}")
    if not file.seek(0, os.SEEK_END):
        raise DataError(f"{name}: expected a header line, got an empty file")
    if columns.csv.changes_cells and not ending.startswith(".csv"):
        raise DataError(
            f"{name}: expected CSV, because the table declares how its cells are written (csv=CsvFormat(...)), got a file "
            f"in {ending}, which says that itself; land it as CSV, or as another table"
        )
    reader = _READERS[ending.removesuffix(".gz")]
    try:
        with tempfile.SpooledTemporaryFile(_MIN_BOUND) as buffer:
            content = inflate(file, buffer) if ending.endswith(".gz") else file
            for batch in reader(content, max_rows, columns.as_written):
                yield _with_declared_names(batch, columns)
    except DataError as fault:
        raise DataError(f"{name}: {fault}") from None
    except (OSError, MemoryError):  # of the machine, not of the file
        raise
    except Exception as fault:  # a library that fails on an unusual file must not stop the night; its text may be data
        raise DataError(
            f"{name}: expected a file that can be read, got an error of its reader ({type(fault).__name__}); correct "
            "the file, or land it in another format"
        ) from fault


def _with_declared_names(batch: Rows, columns: DeclaredColumns) -> Rows:
    """Return the rows with the declared names of columns; raises DataError when a file has both names of one."""
    if not columns.renamed:
        return batch
    renamed = batch.well_formed.rename(columns=dict(columns.renamed))
    rows.check_names(list(renamed.columns), columns)
    return replace(batch, well_formed=renamed)


def inflate(compressed: IO[bytes], buffer: IO[bytes]) -> IO[bytes]:
    """Decompress a gzip file into `buffer` and return it.

    Raises DataError when the file is damaged, ends early, or expands beyond a bound (a decompression bomb).
    """
    size, inflated = compressed.seek(0, os.SEEK_END), 0
    bound = min(LARGEST_INFLATED, max(_MIN_BOUND, _RATIO * size))
    compressed.seek(0)
    try:
        with gzip.GzipFile(fileobj=compressed) as file:
            while chunk := file.read(_CHUNK):
                inflated += buffer.write(chunk)
                if inflated > bound:
                    raise DataError(
                        f"expected a gzip file of {size:,} bytes to hold at most {bound:,}, got more; if it is "
                        "meant, land it uncompressed"
                    )
    except EOFError:
        raise DataError("expected a whole gzip file, but it ends early; land it again") from None
    except (gzip.BadGzipFile, zlib.error) as fault:
        raise DataError(f"expected a gzip file, got a damaged one ({fault}); land it again") from None
    return buffer
