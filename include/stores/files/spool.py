"""Rows spooled to disk, frame by frame, until all of them can be written in one commit."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa

from include.stores import lake_schema
from ml.errors import DataError

_ROWS_READ_AT_ONCE = 65_536


@dataclass(frozen=True, kw_only=True, slots=True)
class Spool:
    """The frames in `folder`, in the order in which they were added, with `count` rows in total."""

    folder: Path
    frames: int = 0
    count: int = 0

    def add(self, frame: pd.DataFrame) -> "Spool":
        """Write the rows of `frame` and return the spool that includes them."""
        if frame.empty:
            return self
        self.folder.mkdir(parents=True, exist_ok=True)
        table = to_arrow(frame)
        with pa.OSFile(str(self._file(self.frames)), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table, _ROWS_READ_AT_ONCE)
        return Spool(folder=self.folder, frames=self.frames + 1, count=self.count + len(frame))

    def read(self) -> pa.RecordBatchReader:
        """Return a reader of all rows in order, in batches, with the schema of the first frame."""
        with pa.OSFile(str(self._file(0))) as source:
            schema = pa.ipc.open_file(source).schema
        return pa.RecordBatchReader.from_batches(schema, self._batches(schema))

    def _batches(self, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        for number in range(self.frames):
            with pa.OSFile(str(self._file(number))) as source:
                file = pa.ipc.open_file(source)
                for index in range(file.num_record_batches):
                    yield file.get_batch(index).cast(schema)

    def _file(self, number: int) -> Path:
        return self.folder / f"{number}.arrow"


def to_arrow(frame: pd.DataFrame) -> pa.Table:
    """Return `frame` as an Arrow table with the types of the lake; object and category columns are text.

    Raises DataError for a value that the lake's type cannot represent.
    """
    text = {name: pa.string() for name in frame.select_dtypes(["object", "category"]).columns}
    inferred = pa.Schema.from_pandas(frame, preserve_index=False)
    read = pa.schema([each.with_type(text.get(each.name, each.type)) for each in inferred])
    stored = pa.schema([each.with_type(lake_schema.stored_type(each.type)) for each in read])
    try:
        table = pa.Table.from_pandas(frame.astype(dict.fromkeys(text, object)), schema=read, preserve_index=False)
        return table if stored == read else table.cast(stored)
    except pa.ArrowInvalid as error:
        raise DataError(f"expected values that the lake can store, but: {'; '.join(map(str, error.args))}") from None
