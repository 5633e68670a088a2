"""Each protocol reads the same rows from its own words, and refuses what is none of its questions with a sentence."""

import json
import struct
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
import pytest

from include.serving.handler import Prediction
from include.serving.protocols import DATAFRAMES, INSTANCES, NATIVE, TENSORS, Protocol, ProtocolRequest
from include.serving.protocols.codec import CSV, JSON, JSON_LINES, MediaError
from include.serving.protocols.tensors import BINARY, HEADER
from ml.errors import ScoreRequestError
from ml.rollout.routing import Route
from ml.scoring.request_schema import RequestSchema

TAKEN = RequestSchema(is_text={"hour": False, "zone": True})
ROWS = [{"hour": 1.5, "zone": "a"}, {"hour": None, "zone": "b"}]
ANSWERS = [
    Prediction(entity=name, score=score, package="p", route=Route.CHAMPION)
    for name, score in (("e", 0.25), (None, 1.0))
]


def ask(body: object, **changes: object) -> ProtocolRequest:
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    reported = {"request_id": "r", "body": text, "model": "taxi", "input_schema": TAKEN, **changes}
    return ProtocolRequest(**reported)


@pytest.mark.parametrize(
    ("protocol", "body"),
    [
        (NATIVE, {"rows": ROWS, "horizon": "live"}),
        (INSTANCES, {"instances": [["a", 1.5, 2.0]], "parameters": {"horizon": "live"}}),
        (DATAFRAMES, {"inputs": [["a", 1.5, 2.0]], "params": {"horizon": "live", "explain": 1}}),
        (TENSORS, {"inputs": [{"name": "wait", "shape": [1], "datatype": "FP64", "data": [2]}], "parameters": {"horizon": "live"}}),
    ],
    ids=lambda each: getattr(each, "name", ""),
)  # fmt: skip
def test_the_body_may_name_a_horizon_whose_features_its_lists_then_have(protocol: Protocol, body: Any) -> None:
    live = RequestSchema(is_text={"zone": True, "hour": False, "wait": False})
    decoded = protocol.read(ask(body, schema_of={"live": live}.__getitem__))
    assert decoded.horizon == "live"
    if protocol in (INSTANCES, DATAFRAMES):
        assert decoded.rows == [{"zone": "a", "hour": 1.5, "wait": 2.0}]


def tensor(name: str, kind: str, data: object, **changes: object) -> dict[str, object]:
    return {"name": name, "shape": [2], "datatype": kind, "data": data, **changes}


TWO = [tensor("hour", "FP64", [1.5, None]), tensor("zone", "BYTES", ["a", "b"])]


@pytest.mark.parametrize(
    ("protocol", "body", "kind"),
    [
        pytest.param(NATIVE, {"rows": ROWS}, JSON, id="rows"),
        pytest.param(INSTANCES, {"instances": ROWS}, JSON, id="instances"),
        pytest.param(INSTANCES, {"instances": [[1.5, "a"], [None, "b"]], "parameters": {}}, JSON, id="instances as lists"),
        pytest.param(DATAFRAMES, {"dataframe_records": ROWS}, JSON, id="records"),
        pytest.param(DATAFRAMES, {"dataframe_split": {"columns": ["zone", "hour"], "index": [7, 8], "data": [["a", 1.5], ["b", None]]}}, JSON, id="split"),
        pytest.param(DATAFRAMES, {"inputs": {"hour": [1.5, None], "zone": ["a", "b"]}}, JSON, id="inputs by column"),
        pytest.param(DATAFRAMES, {"inputs": ROWS, "params": {}}, JSON, id="inputs by row"),
        pytest.param(DATAFRAMES, {"instances": ROWS}, JSON, id="MLflow's instances"),
        pytest.param(DATAFRAMES, b"zone,hour\r\na,1.5\r\nb,\r\n", CSV, id="CSV with a header"),
        pytest.param(DATAFRAMES, b"\xef\xbb\xbf1.5,a\n\n,b", CSV, id="CSV without, after a byte order mark"),
        pytest.param(DATAFRAMES, b'{"hour": 1.5, "zone": "a"}\n\n{"hour": null, "zone": "b"}\n', JSON_LINES, id="JSON lines"),
        pytest.param(TENSORS, {"id": "x", "inputs": TWO}, JSON, id="tensors"),
        pytest.param(TENSORS, {"id": "x", "model_name": "taxi", "inputs": TWO}, JSON, id="tensors by KServe's client"),
        pytest.param(TENSORS, {"inputs": [tensor("hour", "FP32", [[1.5], [None]], shape=[2, 1]), TWO[1]], "outputs": [{"name": "score"}]}, JSON, id="tensors of one column"),
    ],
)  # fmt: skip
def test_the_same_rows_are_read_from_every_form(protocol: Protocol, body: object, kind: str) -> None:
    assert [dict(row) for row in protocol.read(ask(body, content_type=kind)).rows] == ROWS


def test_entities_are_rows_that_name_one() -> None:
    assert NATIVE.read(ask({"entities": ["e", "f"]})).rows == [{"entity": "e"}, {"entity": "f"}]
    assert DATAFRAMES.read(ask(b"entity\ne\n", content_type=CSV)).rows == [{"entity": "e"}]


def test_tensors_come_as_bytes_after_the_json() -> None:
    texts = b"".join(struct.pack("<I", 1) + each for each in (b"a", b"b"))
    numbers = np.array([1.5, np.nan]).tobytes()
    head = json.dumps(
        {
            "inputs": [
                {"name": "hour", "shape": [2], "datatype": "FP64", "parameters": {"binary_data_size": len(numbers)}},
                {"name": "zone", "shape": [2], "datatype": "BYTES", "parameters": {"binary_data_size": len(texts)}},
            ]
        }
    ).encode()
    asked = ask(head + numbers + texts, content_type=BINARY, json_bytes=len(head))
    assert TENSORS.read(asked).rows == ROWS


BAD: list[tuple[str, Protocol, object, dict[str, object], str]] = [
    ("no JSON", NATIVE, b"{", {}, "expected JSON, but: "),
    ("a number without end", NATIVE, b'{"rows": [{"hour": 1e999}]}', {}, "out of range"),
    ("NaN", NATIVE, b'{"rows": [{"hour": NaN}]}', {}, "malformed"),
    ("bad UTF-8", NATIVE, b'{"rows": [{"zone": "\xff\xfe"}]}', {}, "expected JSON, but: "),
    ("too deep", INSTANCES, b'{"instances": ' + b"[" * 9000 + b"]" * 9000 + b"}", {}, "recursion"),
    ("a list", NATIVE, b"[]", {}, "Expected `object`, got `array`"),
    ("rows and entities", NATIVE, {"rows": ROWS, "entities": ["e"]}, {}, "either 'rows' or 'entities'"),
    ("neither", NATIVE, {}, {}, "either 'rows' or 'entities'"),
    ("no rows", NATIVE, {"rows": []}, {}, "either 'rows' or 'entities'"),
    ("an unknown key", NATIVE, {"rows": ROWS, "colour": 1}, {}, "unknown field `colour`"),
    ("an entity that is a number", NATIVE, {"entities": [7]}, {}, "Expected `str`, got `int`"),
    ("no instances", INSTANCES, {"instances": []}, {}, "a list of one row or more"),
    ("a row that is a text", INSTANCES, {"instances": ["e"]}, {}, "each row to be an object of features, got 'e'"),
    ("rows of two kinds", INSTANCES, {"instances": [ROWS[0], [1, "a"]]}, {}, "each row to be an object"),
    ("a row too short", INSTANCES, {"instances": [[1.5]]}, {}, "row 0: expected 2 cells"),
    ("parameters", INSTANCES, {"instances": ROWS, "parameters": {"a": 1}}, {}, "parameters: expected none but 'explain', 'horizon', got 'a'"),
    ("params", DATAFRAMES, {"inputs": ROWS, "params": {"a": 1}}, {}, "params: expected none but 'explain', 'horizon', got 'a'"),
    ("two forms", DATAFRAMES, {"inputs": ROWS, "instances": ROWS}, {}, "expected one of .*, got 'inputs', 'instances'"),
    ("no form", DATAFRAMES, {}, {}, "expected one of .*, got none"),
    ("an empty frame", DATAFRAMES, {"dataframe_split": {"columns": ["hour"], "data": []}}, {}, "one row or more"),
    ("columns of two lengths", DATAFRAMES, {"inputs": {"hour": [1], "zone": []}}, {}, "lists of the same length"),
    ("no columns", DATAFRAMES, {"inputs": {}}, {}, "lists of the same length"),
    ("a CSV of words", DATAFRAMES, b"hour,zone\nlate,a\n", {"content_type": CSV}, "hour: expected a number or nothing, got 'late'"),
    ("a CSV of nothing", DATAFRAMES, b"", {"content_type": CSV}, "one line of cells or more"),
    ("a CSV with an open quote", DATAFRAMES, b'hour,zone\n1,"a', {"content_type": CSV}, "expected CSV in UTF-8, but"),
    ("a CSV in Latin-1", DATAFRAMES, b"hour,zone\n1,\xe9", {"content_type": CSV}, "expected CSV in UTF-8, but"),
    ("XML", DATAFRAMES, b"<rows/>", {"content_type": "text/xml"}, "got 'text/xml'"),
    ("CSV where JSON is spoken", NATIVE, b"hour\n1", {"content_type": CSV}, "expected application/json, got 'text/csv'"),
    ("no tensors", TENSORS, {"inputs": []}, {}, "one input or more"),
    ("another model", TENSORS, {"inputs": TWO, "model_name": "ferry"}, {}, "model_name to be 'taxi' as in the path, got 'ferry'"),
    ("another output", TENSORS, {"inputs": TWO, "outputs": [{"name": "x"}]}, {}, "no output but 'score' and 'explanation'"),
    ("a tensor twice", TENSORS, {"inputs": [TWO[0], TWO[0]]}, {}, "got 'hour' twice"),
    ("another length", TENSORS, {"inputs": [tensor("hour", "FP64", [1.5])]}, {}, r"hour: expected 2 cells for the shape \[2\], got 1"),
    ("two lengths", TENSORS, {"inputs": [tensor("hour", "FP64", [1.5], shape=[1]), TWO[1]]}, {}, "as many rows as the others"),
    ("a matrix", TENSORS, {"inputs": [tensor("hour", "FP64", [1, 2, 3, 4], shape=[2, 2])]}, {}, r"a shape \[n\] or \[n, 1\]"),
    ("another datatype", TENSORS, {"inputs": [tensor("hour", "COMPLEX", [1, 2])]}, {}, "expected a datatype of"),
    ("no data", TENSORS, {"inputs": [{"name": "hour", "shape": [1], "datatype": "FP64"}]}, {}, "its cells under 'data'"),
    ("a size beyond the body", TENSORS, {"inputs": [tensor("hour", "FP64", None, parameters={"binary_data_size": 9})]}, {}, "says 9, but 0 bytes are left"),
    ("more JSON than body", TENSORS, {"inputs": TWO}, {"json_bytes": 9999}, "says 9999 bytes of JSON, but only"),
]  # fmt: skip


ROW, LISTED = '{"hour": NUMBER, "zone": "a"}', '[NUMBER, "a"]'
TENSOR = '{"name": "hour", "shape": [1], "datatype": "FP64", "data": [NUMBER]}'


@pytest.mark.parametrize(
    ("protocol", "body", "kind"),
    [
        pytest.param(NATIVE, f'{{"rows": [{ROW}]}}', JSON, id="rows"),
        pytest.param(INSTANCES, f'{{"instances": [{LISTED}]}}', JSON, id="instances"),
        pytest.param(DATAFRAMES, f'{{"dataframe_records": [{ROW}]}}', JSON, id="records"),
        pytest.param(DATAFRAMES, '{"inputs": {"hour": [NUMBER], "zone": ["a"]}}', JSON, id="inputs by column"),
        pytest.param(DATAFRAMES, f"{ROW}\n", JSON_LINES, id="JSON lines"),
        pytest.param(DATAFRAMES, "hour,zone\nNUMBER,a\n", CSV, id="CSV"),
        pytest.param(TENSORS, f'{{"inputs": [{TENSOR}, {json.dumps(tensor("zone", "BYTES", ["a"], shape=[1]))}]}}', JSON, id="tensors"),
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    ("number", "reported"),
    [
        ("9007199254740993", "a whole number that a 64-bit float stores exactly"),
        ("9007199254740993.0", "a whole number that a 64-bit float stores exactly"),
        ("123456789012345678901234567890", "a whole number that a 64-bit float stores exactly"),
        ("1e-400", "a number that a 64-bit float can tell from 0"),
        ("1E-0400", "a number that a 64-bit float can tell from 0"),
        (f"0.{'0' * 330}1", "a number that a 64-bit float can tell from 0"),
    ],
)
def test_a_number_that_the_landing_refuses_is_refused_in_every_form(
    protocol: Protocol, body: str, kind: str, number: str, reported: str
) -> None:
    asked = ask(body.replace("NUMBER", number).encode(), content_type=kind)
    with pytest.raises(ScoreRequestError, match=f"hour: expected {reported}.* or (null|nothing), got {number[:60]}"):
        [TAKEN.complete(row) for row in protocol.read(asked).rows]


@pytest.mark.parametrize(
    ("kind", "cell", "reported"),
    [
        ("UINT8", 300, "a whole number from 0 to 255 or null in a tensor of UINT8, got 300"),
        ("UINT8", -1, "a whole number from 0 to 255 or null in a tensor of UINT8, got -1"),
        ("UINT8", True, "a whole number from 0 to 255 or null in a tensor of UINT8, got True"),
        ("INT8", 1.5, "a whole number from -128 to 127 or null in a tensor of INT8, got 1.5"),
        ("INT64", 2**70, "a whole number from .* or null in a tensor of INT64, got 1180591620717411303424"),
        ("INT32", "1", "a whole number from .* or null in a tensor of INT32, got '1'"),
        ("FP16", 70000, "a number of at most 65504.0 in size or null in a tensor of FP16, got 70000"),
        ("FP32", 1e39, r"a number of at most 3.4\S+ in size or null in a tensor of FP32, got 1e\+39"),
        ("FP64", 10**308 * 2, "a number of at most .* in size or null in a tensor of FP64, got 2000"),
        ("FP64", True, "a number of at most .* in size or null in a tensor of FP64, got True"),
        ("BOOL", 2, "true or false or null in a tensor of BOOL, got 2"),
        ("BOOL", "true", "true or false or null in a tensor of BOOL, got 'true'"),
        ("BYTES", 1, "a text or null in a tensor of BYTES, got 1"),
    ],
)
def test_a_cell_that_is_not_of_the_datatype_is_refused(kind: str, cell: object, reported: str) -> None:
    with pytest.raises(ScoreRequestError, match=f"hour: expected {reported}"):
        TENSORS.read(ask({"inputs": [tensor("hour", kind, [None, cell])]}))


@pytest.mark.parametrize(
    ("kind", "cells"),
    [
        ("UINT8", [0, 255]),
        ("INT8", [-128, 127.0]),
        ("UINT64", [0, 2**64 - 2048]),
        ("FP16", [65504, -0.5]),
        ("FP32", [3.4e38, None]),
        ("FP64", [1.7976931348623157e308, 3]),
        ("BOOL", [True, False]),
        ("BOOL", [0, 1]),
    ],
)
def test_a_cell_of_the_datatype_is_taken(kind: str, cells: list[object]) -> None:
    rows = TENSORS.read(ask({"inputs": [tensor("hour", kind, cells), tensor("zone", "BYTES", ["a", "b"])]})).rows
    assert [TAKEN.complete(row)["hour"] for row in rows] == cells


def test_a_byte_that_is_no_boolean_is_refused() -> None:
    inputs = [{"name": "hour", "shape": [2], "datatype": "BOOL", "parameters": {"binary_data_size": 2}}]
    head = json.dumps({"inputs": inputs}).encode()
    read = TENSORS.read(ask(head + b"\1\0", content_type=BINARY, json_bytes=len(head)))
    assert read.rows == [{"hour": 1}, {"hour": 0}]
    with pytest.raises(ScoreRequestError, match="hour: expected true or false or null in a tensor of BOOL, got 2"):
        TENSORS.read(ask(head + b"\1\2", content_type=BINARY, json_bytes=len(head)))


@pytest.mark.parametrize(
    ("protocol", "body", "kind"),
    [
        pytest.param(NATIVE, {"rows": [{"hour": 1, "zone": " a\u3000"}]}, JSON, id="rows"),
        pytest.param(DATAFRAMES, "hour,zone\n1, a\u3000\n".encode(), CSV, id="CSV"),
        pytest.param(TENSORS, {"inputs": [tensor("hour", "INT8", [1], shape=[1]), tensor("zone", "BYTES", [" a\u3000"], shape=[1])]}, JSON, id="tensors"),
    ],
)  # fmt: skip
def test_a_text_is_stripped_as_at_the_landing_in_every_form(protocol: Protocol, body: object, kind: str) -> None:
    (row,) = protocol.read(ask(body, content_type=kind)).rows
    assert TAKEN.complete(row) == {"hour": 1.0, "zone": "a"}


@pytest.mark.parametrize(
    ("protocol", "body", "changes", "reported"), [each[1:] for each in BAD], ids=[each[0] for each in BAD]
)
def test_what_is_no_question_is_refused(
    protocol: Protocol, body: object, changes: dict[str, object], reported: str
) -> None:
    with pytest.raises(ScoreRequestError, match=reported):
        protocol.read(ask(body, **changes))


@pytest.mark.parametrize(
    ("tail", "reported"),
    [
        pytest.param(b"\x01", "1 bytes came after the last tensor", id="bytes left over"),
        pytest.param(b"", "says 4, but 0 bytes are left", id="bytes cut off"),
    ],
)
def test_bytes_that_are_not_those_announced_are_refused(tail: bytes, reported: str) -> None:
    head = json.dumps(
        {"inputs": [{"name": "hour", "shape": [1], "datatype": "FP32", "parameters": {"binary_data_size": 4}}]}
    ).encode()
    body = head + (b"\0\0\0\0" + tail if tail else b"")
    with pytest.raises(ScoreRequestError, match=reported):
        TENSORS.read(ask(body, content_type=BINARY, json_bytes=len(head)))


def test_a_format_that_is_not_read_is_told_apart() -> None:
    with pytest.raises(MediaError):
        INSTANCES.read(ask(b"", content_type="image/png"))


@pytest.mark.parametrize(
    ("protocol", "body", "pick"),
    [
        pytest.param(NATIVE, {}, lambda reported: [each["score"] for each in reported["answers"]], id="native"),
        pytest.param(INSTANCES, {}, lambda reported: reported["predictions"], id="vertex"),
        pytest.param(DATAFRAMES, {}, lambda reported: reported["predictions"], id="mlflow"),
        pytest.param(TENSORS, {"inputs": TWO}, lambda reported: reported["outputs"][0]["data"], id="v2"),
    ],
)
def test_scores_come_back_in_order(
    protocol: Protocol, body: object, pick: Callable[[dict[str, object]], object]
) -> None:
    reply = protocol.write(ask(body), ANSWERS)
    assert reply.content_type == JSON
    assert pick(msgspec.json.decode(reply.body)) == [0.25, 1.0]


def test_a_client_that_would_rather_have_csv_gets_a_score_a_line() -> None:
    reply = DATAFRAMES.write(ask({}, accept="text/csv"), ANSWERS)
    assert (reply.body, reply.content_type) == (b"0.25\n1.0\n", CSV)


def test_a_client_that_asks_for_bytes_gets_them_after_the_json() -> None:
    wish = {"inputs": TWO, "outputs": [{"name": "score", "parameters": {"binary_data": True}}]}
    reply = TENSORS.write(ask(wish), ANSWERS)
    size = int(reply.headers[HEADER])
    reported = msgspec.json.decode(reply.body[:size])
    assert reported["outputs"][0]["parameters"] == {"binary_data_size": 16}
    assert np.frombuffer(reply.body[size:], "<f8").tolist() == [0.25, 1.0]
