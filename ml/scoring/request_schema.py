"""Validation of score requests against a model's features: rows of features, or keys of entities."""

import csv
import io
import json
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ml.errors import ScoreRequestError
from ml.scoring import exact_numbers
from ml.scoring.encoder import Encoder
from ml.scoring.exact_numbers import InexactNumber

ENTITY = "entity"
_NUMBER = re.compile(r"[ \t]*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?[ \t]*")
# What Unicode and the landing call white space; str.strip() also removes four control characters.
WHITE_SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
_MAX_NAMES, _MAX_CHARACTERS = 8, 60

Row = Mapping[str, object]


@dataclass(frozen=True, kw_only=True, slots=True)
class RequestSchema:
    """A model's features in order; `is_text` says of each whether its values are texts, not numbers.

    Texts are stripped, and empty ones are missing, as at the landing. `padded` has the levels of computed features that
    this would change; they are taken as they are.
    """

    is_text: Mapping[str, bool]
    padded: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @classmethod
    def from_encoder(cls, encoder: Encoder) -> "RequestSchema":
        """Return the schema of a model with this encoder."""
        changed = {
            name: frozenset(level for level in levels or () if not level or level != level.strip(WHITE_SPACE))
            for name, levels in encoder.levels.items()
        }
        return cls(
            is_text={name: levels is not None or name in encoder.texts for name, levels in encoder.levels.items()},
            padded={name: levels for name, levels in changed.items() if levels},
        )

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.is_text)

    def complete(self, row: Row, known: Row | None = None) -> dict[str, object]:
        """Return a value for each feature: from the row, or else from the `known` features of its entity.

        A missing value is None, and true and false are 1 and 0. Raises ScoreRequestError if the row has a column that is
        not a feature, if a feature is in neither, if a value has the wrong type, and if the landing would refuse it: a
        whole number that a float rounds, or a text with a NUL.

        >>> schema = RequestSchema(is_text={"zone": True, "miles": False})
        >>> schema.complete({"entity": "a1", "miles": 3}, known={"zone": "east", "miles": 1.0})
        {'zone': 'east', 'miles': 3.0}
        """
        given = {name: self._check_value(name, value) for name, value in row.items() if name != ENTITY}
        values = known if known and not given else {**(known or {}), **given}
        try:
            return {name: values[name] for name in self.is_text}
        except KeyError:
            missing = [name for name in self.names if name not in values]
            raise ScoreRequestError(
                f"expected a value for each of the {len(self.is_text)} features, lacking: {join_names(missing)}; "
                "send null for one that is not known"
            ) from None

    def _check_value(self, name: str, value: object) -> object:
        if name not in self.is_text:
            expected = f"expected only the features {join_names(self.names)}, and {ENTITY!r}"
            raise ScoreRequestError(f"{expected}; got {truncate(name)}: leave it out")
        if value is None:
            return None
        is_text = self.is_text[name]
        if type(value) is float and not is_text and math.isfinite(value):  # nearly every value of a request
            return value
        if is_text:
            if isinstance(value, str):
                return value if value in self.padded.get(name, ()) else _clean_text(name, value)
            raise ScoreRequestError(f"{name}: expected a text or null, got {truncate(value)}")
        if isinstance(value, float | int | InexactNumber):
            return _exact_number(name, value)
        raise ScoreRequestError(f"{name}: expected a number or null, got {truncate(value)}")


def entity_key(row: Row) -> str | None:
    """Return the key of the row's entity, or None if the row has none; raises ScoreRequestError if it is not a text.

    >>> entity_key({"entity": "2013-02-08|9E|3314|JFK"}), entity_key({"miles": 3.0})
    ('2013-02-08|9E|3314|JFK', None)
    """
    if ENTITY not in row:
        return None
    key = row[ENTITY]
    if isinstance(key, str):
        return key
    raise ScoreRequestError(f"{ENTITY}: expected a text, the key of an entity, got {truncate(key)}")


def rows_from_columns(columns: Sequence[object], data: Sequence[object]) -> list[dict[str, object]]:
    """Return rows as mappings, from the names of columns and lists of cells.

    Raises ScoreRequestError if a name occurs twice or is not a text, or if a row has not one cell for each column.

    >>> rows_from_columns(["zone", "miles"], [["east", 3.0], ["west", None]])
    [{'zone': 'east', 'miles': 3.0}, {'zone': 'west', 'miles': None}]
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
    """Return the rows of a CSV.

    If all cells of the first line are names of features (or `entity`), it is the header. Otherwise there is no header,
    and each line has all features in order. An empty cell is a missing value. Raises ScoreRequestError if there is no
    row, or if a cell of a numeric feature is not a number that a float stores by the rules of `exact_numbers`.

    >>> schema = RequestSchema(is_text={"zone": True, "miles": False})
    >>> rows_from_csv(b"miles,zone\\n3,east\\n", schema)
    [{'miles': 3.0, 'zone': 'east'}]
    >>> rows_from_csv(b"east,\\n", schema)
    [{'zone': 'east', 'miles': None}]
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
    """Return the rows of a JSON list of objects.

    Raises ScoreRequestError for anything else, also NaN, Infinity and an object with a name twice.

    >>> rows_from_json(b'[{"zone": "east", "miles": null}]')
    [{'zone': 'east', 'miles': None}]
    """
    try:
        rows = json.loads(
            body,
            parse_float=exact_numbers.from_text,
            parse_constant=_reject_constant,
            object_pairs_hook=object_from_pairs,
        )
    except (ValueError, RecursionError) as fault:  # invalid UTF-8 is a ValueError too
        raise ScoreRequestError(f"expected JSON, but: {fault}") from None
    if isinstance(rows, list) and all(isinstance(row, dict) for row in rows):
        return rows
    raise ScoreRequestError(f"expected a list of objects, each a row of features, got {truncate(rows)}")


def object_from_pairs(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    """Return a JSON object from its names and values; raises ScoreRequestError when a name occurs twice.

    >>> object_from_pairs([("zone", "east"), ("miles", 3)])
    {'zone': 'east', 'miles': 3}
    """
    values = dict(pairs)
    if len(values) < len(pairs):
        twice, _ = (Counter(name for name, _ in pairs) - Counter(values.keys())).popitem()
        raise ScoreRequestError(f"expected each name once in an object, got {truncate(twice)} twice: send one of them")
    return values


def join_names(names: Sequence[str]) -> str:
    """Return names as a list for a message; of more than eight names, the first eight and the number of the others.

    >>> join_names(["zone", "miles"])
    "'zone', 'miles'"
    >>> join_names(list("abcdefghij"))
    "'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h' and 2 more"
    """
    more = f" and {len(names) - _MAX_NAMES} more" if len(names) > _MAX_NAMES else ""
    return ", ".join(truncate(name) for name in names[:_MAX_NAMES]) + more


def truncate(value: object) -> str:
    """Return the `repr` of a value for a message, at most 60 characters of it, because a client may send anything.

    >>> truncate("east"), len(truncate("x" * 1000))
    ("'east'", 61)
    """
    text = repr(value)
    return text if len(text) <= _MAX_CHARACTERS else f"{text[:_MAX_CHARACTERS]}…"


def _reject_constant(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON; send null for a value that is not known")


def _exact_number(name: str, value: float | InexactNumber, missing: str = "null") -> float:
    number = exact_numbers.from_integer(value) if isinstance(value, int) else value
    if isinstance(number, InexactNumber):
        raise ScoreRequestError(f"{name}: expected {number.expected} or {missing}, got {truncate(number)}")
    if math.isfinite(number):
        return float(number)
    raise ScoreRequestError(f"{name}: expected a finite number or {missing}, got {truncate(value)}")


def _clean_text(name: str, value: str) -> str | None:
    if "\0" in value or not (value.isascii() or _is_encodable(value)):
        raise ScoreRequestError(f"{name}: expected a text without NUL and halves of characters, got {truncate(value)}")
    return value.strip(WHITE_SPACE) or None


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair, which JSON can contain
        return False
    return True


def _parse_cell(name: str, text: str, schema: RequestSchema) -> object:
    if not text:
        return None
    if schema.is_text.get(name, True):
        return text
    if _NUMBER.fullmatch(text):
        return _exact_number(name, exact_numbers.from_text(text.strip(" \t")), "nothing")
    if not text.strip(WHITE_SPACE):
        return None
    raise ScoreRequestError(f"{name}: expected a number or nothing, got {truncate(text)}")
