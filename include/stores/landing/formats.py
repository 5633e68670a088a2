"""What a file holds, by the end of its name; nothing inflates past a bound."""

import gzip
import io
import zlib
from collections.abc import Callable

from include.stores.landing import columnar, delimited, jsonlines
from include.stores.landing.rows import Rows
from ml.errors import DataError

LARGEST_INFLATED = 4 * 1024**3
_RATIO, _FREE = 200, 64 * 1024**2
_CHUNK = 4 * 1024**2

_READERS: dict[str, Callable[[bytes], Rows]] = {
    ".csv": delimited.read,
    ".parquet": columnar.read,
    ".jsonl": jsonlines.read,
    ".ndjson": jsonlines.read,
}
_INFLATED = (".csv.gz", ".jsonl.gz", ".ndjson.gz")


def read(name: str, content: bytes) -> Rows:
    """Return the rows of the file `name`; raises DataError that says why the file is none."""
    ending = next((each for each in (*_INFLATED, *_READERS) if name.lower().endswith(each)), None)
    if ending is None:
        raise DataError(f"{name}: expected a name that ends in one of {', '.join((*_READERS, *_INFLATED))}")
    if not content:
        raise DataError(f"{name}: expected a header line, got an empty file")
    try:
        return _READERS[ending.removesuffix(".gz")](inflate(content) if ending.endswith(".gz") else content)
    except DataError as fault:
        raise DataError(f"{name}: {fault}") from None


def inflate(content: bytes) -> bytes:
    """Return what a gzip file holds; raises DataError when it is damaged, ends early, or is a bomb."""
    bound = min(LARGEST_INFLATED, max(_FREE, _RATIO * len(content)))
    inflated = bytearray()
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
            while chunk := file.read(_CHUNK):
                inflated += chunk
                if len(inflated) > bound:
                    raise DataError(
                        f"expected a gzip file of {len(content):,} bytes to hold at most {bound:,}, got more; if it is "
                        "meant, land it uncompressed"
                    )
    except EOFError:
        raise DataError("expected a whole gzip file, but it ends early; land it again") from None
    except (gzip.BadGzipFile, zlib.error) as fault:
        raise DataError(f"expected a gzip file, got a damaged one ({fault}); land it again") from None
    return bytes(inflated)
