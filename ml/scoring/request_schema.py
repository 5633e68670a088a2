"""What a client sends, held against what a model takes: rows of features, or entities whose features are known here."""

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ml.errors import ScoreRequestError
from ml.training.encoding import Encoder

ENTITY = "entity"
_MAX_NAMES, _MAX_CHARACTERS = 8, 60

Row = Mapping[str, object]


@dataclass(frozen=True, kw_only=True, slots=True)
class RequestSchema:
    """The features that a model takes, in order, and of each whether it is words, not a number."""

    is_text: Mapping[str, bool]

    @classmethod
    def from_encoder(cls, encoder: Encoder) -> "RequestSchema":
        """Return what a model with this encoder takes."""
        return cls(
            is_text={name: levels is not None or name in encoder.texts for name, levels in encoder.levels.items()}
        )

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.is_text)

    def complete(self, row: Row, known: Row | None = None) -> dict[str, object]:
        """Return a value for each feature: what the row has, else what is `known` of its entity.

        A missing value is None. Raises QuestionError for a column that is no feature, a feature that is lacking, and a
        value of another type.
        """
        given = {name: self._check_value(name, value) for name, value in row.items() if name != ENTITY}
        values = known if known and not given else {**(known or {}), **given}
        try:
            return {name: values[name] for name in self.is_text}
        except KeyError:
            missing = [name for name in self.names if name not in values]
            raise ScoreRequestError(
                f"expected a value for each of the {len(self.is_text)} features, lacking: {join_names(missing)}; send null for "
                "one that is not known"
            ) from None

    def _check_value(self, name: str, value: object) -> object:
        if name not in self.is_text:
            raise ScoreRequestError(
                f"expected only the features {join_names(self.names)}, and {ENTITY!r}; got {truncate(name)}: leave it out"
            )
        if value is None:
            return None
        if self.is_text[name]:
            if isinstance(value, str):
                return value
            raise ScoreRequestError(f"{name}: expected a text or null, got {truncate(value)}")
        if isinstance(value, float | int):
            return _finite_number(name, value)
        raise ScoreRequestError(f"{name}: expected a number or null, got {truncate(value)}")


def entity_key(row: Row) -> str | None:
    """Return the key of the row's entity, None when it names none; raises QuestionError when that is no text."""
    if ENTITY not in row:
        return None
    key = row[ENTITY]
    if isinstance(key, str):
        return key
    raise ScoreRequestError(f"{ENTITY}: expected a text, the key of an entity, got {truncate(key)}")


def rows_from_columns(columns: Sequence[object], data: Sequence[object]) -> list[dict[str, object]]:
    """Return rows given as lists of cells under named columns, each as a mapping; raises QuestionError.

    A column twice, or a row with more or fewer cells than there are columns, is no table.
    """
    names = [name for name in columns if isinstance(name, str)]
    if len(set(names)) != len(columns):
        raise ScoreRequestError(f"expected the names of columns, each once, got {truncate(list(columns))}")
    rows = []
    for index, cells in enumerate(data):
        if not isinstance(cells, list) or len(cells) != len(names):
            raise ScoreRequestError(
                f"row {index}: expected {len(names)} cells, as many as columns, got {truncate(cells)}"
            )
        rows.append(dict(zip(names, cells, strict=True)))
    return rows


def rows_from_csv(body: bytes, schema: RequestSchema) -> list[dict[str, object]]:
    """Return the rows of a CSV; its first line names the columns, or else each line has all features in order.

    An empty cell is a missing value. Raises QuestionError when there is no row, or a number is none.
    """
    try:
        lines = [line for line in csv.reader(io.StringIO(body.decode("utf-8-sig"), newline=""), strict=True) if line]
    except (UnicodeDecodeError, csv.Error) as fault:
        raise ScoreRequestError(f"expected CSV in UTF-8, but: {fault}") from None
    has_header = bool(lines) and set(lines[0]) <= {*schema.names, ENTITY}
    columns, data = (lines[0], lines[1:]) if has_header else (list(schema.names), lines)
    if not data:
        raise ScoreRequestError("expected one line of cells or more, got none")
    rows = rows_from_columns(columns, data)
    return [{name: _parse_cell(name, str(cell), schema) for name, cell in row.items()} for row in rows]


def rows_from_json(body: bytes) -> list[dict[str, object]]:
    """Return the rows of a JSON list of objects; raises QuestionError for anything else, NaN and Infinity among it."""
    try:
        rows = json.loads(body, parse_constant=_reject_constant)
    except (ValueError, RecursionError) as fault:  # a ValueError: bad UTF-8 too
        raise ScoreRequestError(f"expected JSON, but: {fault}") from None
    if isinstance(rows, list) and all(isinstance(row, dict) for row in rows):
        return rows
    raise ScoreRequestError(f"expected a list of objects, each a row of features, got {truncate(rows)}")


def join_names(names: Sequence[str]) -> str:
    """Return names for a sentence, the first of them when they are many."""
    more = f" and {len(names) - _MAX_NAMES} more" if len(names) > _MAX_NAMES else ""
    return ", ".join(truncate(name) for name in names[:_MAX_NAMES]) + more


def truncate(value: object) -> str:
    """Return a value for a sentence: cut short, because a client may send anything."""
    text = repr(value)
    return text if len(text) <= _MAX_CHARACTERS else f"{text[:_MAX_CHARACTERS]}…"


def _reject_constant(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON; send null for what is not known")


def _finite_number(name: str, value: float) -> float:
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if math.isfinite(number):
        return number
    raise ScoreRequestError(f"{name}: expected a finite number or null, got {truncate(value)}")


def _parse_cell(name: str, text: str, schema: RequestSchema) -> object:
    if not text:
        return None
    if schema.is_text.get(name, True):
        return text
    try:
        return float(text)
    except ValueError:
        raise ScoreRequestError(f"{name}: expected a number or nothing, got {truncate(text)}") from None
