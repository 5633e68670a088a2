"""What a client sends, held against what a model takes: rows of features, or entities whose features are known here."""

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ml.errors import QuestionError
from ml.training.encoding import Encoder

ENTITY = "entity"
_SHOWN, _SHOWN_CHARACTERS = 8, 60

Row = Mapping[str, object]


@dataclass(frozen=True, kw_only=True, slots=True)
class Taken:
    """The features that a model takes, in order, and of each whether it is words, not a number."""

    words: Mapping[str, bool]

    @classmethod
    def by(cls, encoder: Encoder) -> "Taken":
        """Return what a model with this encoder takes."""
        return cls(words={name: levels is not None or name in encoder.texts for name, levels in encoder.levels.items()})

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.words)

    def complete(self, row: Row, known: Row | None = None) -> dict[str, object]:
        """Return a value for each feature: what the row has, else what is `known` of its entity.

        A missing value is None. Raises QuestionError for a column that is no feature, a feature that is lacking, and a
        value of another type.
        """
        given = {name: self._value(name, value) for name, value in row.items() if name != ENTITY}
        found = known if known and not given else {**(known or {}), **given}
        try:
            return {name: found[name] for name in self.words}
        except KeyError:
            lacking = [name for name in self.names if name not in found]
            raise QuestionError(
                f"expected a value for each of the {len(self.words)} features, lacking: {listed(lacking)}; send null for "
                "one that is not known"
            ) from None

    def _value(self, name: str, value: object) -> object:
        if name not in self.words:
            raise QuestionError(
                f"expected only the features {listed(self.names)}, and {ENTITY!r}; got {shown(name)}: leave it out"
            )
        if value is None:
            return None
        if self.words[name]:
            if isinstance(value, str):
                return value
            raise QuestionError(f"{name}: expected a text or null, got {shown(value)}")
        if isinstance(value, float | int):
            return _number(name, value)
        raise QuestionError(f"{name}: expected a number or null, got {shown(value)}")


def entity(row: Row) -> str | None:
    """Return the key of the row's entity, None when it names none; raises QuestionError when that is no text."""
    if ENTITY not in row:
        return None
    named = row[ENTITY]
    if isinstance(named, str):
        return named
    raise QuestionError(f"{ENTITY}: expected a text, the key of an entity, got {shown(named)}")


def records(columns: Sequence[object], data: Sequence[object]) -> list[dict[str, object]]:
    """Return rows given as lists of cells under named columns, each as a mapping; raises QuestionError.

    A column twice, or a row with more or fewer cells than there are columns, is no table.
    """
    names = [name for name in columns if isinstance(name, str)]
    if len(set(names)) != len(columns):
        raise QuestionError(f"expected the names of columns, each once, got {shown(list(columns))}")
    rows = []
    for place, cells in enumerate(data):
        if not isinstance(cells, list) or len(cells) != len(names):
            raise QuestionError(f"row {place}: expected {len(names)} cells, as many as columns, got {shown(cells)}")
        rows.append(dict(zip(names, cells, strict=True)))
    return rows


def table(body: bytes, taken: Taken) -> list[dict[str, object]]:
    """Return the rows of a CSV; its first line names the columns, or else each line has all features in order.

    An empty cell is a missing value. Raises QuestionError when there is no row, or a number is none.
    """
    try:
        lines = [line for line in csv.reader(io.StringIO(body.decode("utf-8-sig"), newline=""), strict=True) if line]
    except (UnicodeDecodeError, csv.Error) as fault:
        raise QuestionError(f"expected CSV in UTF-8, but: {fault}") from None
    named = bool(lines) and set(lines[0]) <= {*taken.names, ENTITY}
    columns, data = (lines[0], lines[1:]) if named else (list(taken.names), lines)
    if not data:
        raise QuestionError("expected one line of cells or more, got none")
    found = records(columns, data)
    return [{name: _cell(name, str(cell), taken) for name, cell in row.items()} for row in found]


def objects(body: bytes) -> list[dict[str, object]]:
    """Return the rows of a JSON list of objects; raises QuestionError for anything else, NaN and Infinity among it."""
    try:
        rows = json.loads(body, parse_constant=_refuse)
    except (ValueError, RecursionError) as fault:  # a ValueError: bad UTF-8 too
        raise QuestionError(f"expected JSON, but: {fault}") from None
    if isinstance(rows, list) and all(isinstance(row, dict) for row in rows):
        return rows
    raise QuestionError(f"expected a list of objects, each a row of features, got {shown(rows)}")


def listed(names: Sequence[str]) -> str:
    """Return names for a sentence, the first of them when they are many."""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(shown(name) for name in names[:_SHOWN]) + more


def shown(value: object) -> str:
    """Return a value for a sentence: cut short, because a client may send anything."""
    text = repr(value)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON; send null for what is not known")


def _number(name: str, value: float) -> float:
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if math.isfinite(number):
        return number
    raise QuestionError(f"{name}: expected a finite number or null, got {shown(value)}")


def _cell(name: str, text: str, taken: Taken) -> object:
    if not text:
        return None
    if taken.words.get(name, True):
        return text
    try:
        return float(text)
    except ValueError:
        raise QuestionError(f"{name}: expected a number or nothing, got {shown(text)}") from None
