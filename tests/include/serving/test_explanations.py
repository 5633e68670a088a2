"""An explained answer adds up to its score, whoever asks in whatever protocol; a real server answers."""

import json
import math
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import httpx
import numpy as np
import pytest
from mlflow.deployments import get_deploy_client

from bench import score_paths
from include import ports
from include.serving import explanations
from include.serving.explanations import Contribution, Explanation
from include.settings import Settings, load_settings
from include.stores import snapshot_store
from ml.errors import ScoreRequestError
from ml.evaluation import explain
from ml.features import snapshots
from ml.scoring.calibration import Calibration, Scaling
from ml.training.fitting import Model
from tests import edge, served
from tests.served import NAMES, USE_CASE, Server
from tests.waiting import eventually

KINDS = pytest.mark.parametrize("kind", edge.KINDS)
ROWS = [{"hour": 13.0, "zone": "west"}, {"hour": None, "zone": None}, {"hour": -3.5, "zone": "nowhere"}]
SIZE = 1


def check(model: Model, row: dict[str, object], score: float, explained: dict[str, Any], size: int = SIZE) -> None:
    """Assert that the explanation adds up to the raw score, that this gives the score, and that it is the model's own."""
    whole = explain.explain(model, row)
    assert explained["raw"] == pytest.approx(whole.raw, abs=1e-12)
    calibration = dict(explained["calibration"])
    kind = {"logistic": Calibration, "clipped": Scaling}[calibration.pop("link")]
    assert float(kind(**calibration).apply(np.float64(explained["raw"]))) == pytest.approx(score, abs=1e-12)
    assert score == model.predict_row(row)
    if whole.unavailable_reason:
        assert explained == {key: explained[key] for key in ("raw", "calibration")} | {
            "unavailable": whole.unavailable_reason
        }
        return
    reported = [each["contribution"] for each in explained["contributions"]]
    assert explained["base_value"] + sum(reported) + explained["rest"] == pytest.approx(explained["raw"], abs=1e-9)
    largest = sorted(whole.contributions, key=lambda name: -abs(whole.contributions[name]))[:size]
    assert [each["feature"] for each in explained["contributions"]] == largest
    assert reported == pytest.approx([whole.contributions[name] for name in largest], abs=1e-12)
    assert [each["value"] for each in explained["contributions"]] == [row[name] for name in largest]


@pytest.mark.parametrize(
    ("given", "expected"),
    [(True, 5), (False, 0), (None, 0), (0, 0), (7, 7), (7.0, 7)],
    ids=["true", "false", "null", "zero", "a number", "a whole float"],
)
def test_the_size_of_an_explanation_is_read(given: object, expected: int) -> None:
    assert explanations.parse_size(given) == expected


@pytest.mark.parametrize("given", [-1, 1.5, "5", [5], 10_001, float("nan"), float("inf")], ids=repr)
def test_what_is_no_size_is_refused(given: object) -> None:
    with pytest.raises(ScoreRequestError, match=r"params.explain: expected true, false, or how many .*got"):
        explanations.parse_size(given, "params.explain")


@pytest.mark.parametrize(
    "given", ["", "yes", "-1", "1.5", "٣", "1e3", "9" * 5000], ids=lambda given: given[:5] or "empty"
)
def test_a_text_that_is_no_size_is_refused(given: str) -> None:
    with pytest.raises(ScoreRequestError, match="explain: expected true, false, or how many"):
        explanations.parse_text(given)


@KINDS
def test_every_kind_of_model_is_explained_or_says_why_not(kind: str) -> None:
    model = edge.model(kind)
    encoded = np.concatenate([model.encoder.encode_row(row) for row in ROWS])
    for row, explained in zip(ROWS, explanations.explain(model, encoded, SIZE), strict=True):
        shown = explanations.show_values(explained, row, NAMES).to_json()
        check(model, row, model.predict_row(row), shown)


def test_only_values_that_may_be_shown_are_shown() -> None:
    both = tuple(Contribution(feature=name, contribution=1.0) for name in NAMES)
    explained = Explanation(raw=2.0, calibration={}, base_value=0.0, contributions=both, rest=0.0)
    shown = explanations.show_values(explained, {"hour": math.nan, "zone": "a"}, {"hour"}).to_json()
    assert shown["contributions"] == [
        {"feature": "hour", "contribution": 1.0, "value": None},
        {"feature": "zone", "contribution": 1.0},
    ]


@pytest.fixture(scope="module")
def server(prepared_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Settings, Server]]:
    home = tmp_path_factory.mktemp("shared") / "home"
    shutil.copytree(prepared_home, home)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RATCHET_HOME", str(home))
        load_settings.cache_clear()
        settings = load_settings()
        served.shelved(settings)
        served.routed(settings, edge.stored(edge.package(edge.model("trees")), settings))
        with served.running(settings, explained_rows=3) as running:
            eventually(lambda: running.client.get("/readyz").status_code == 200 or None, pause=0.05)
            yield settings, running
    load_settings.cache_clear()


Answers = list[tuple[float, dict[str, Any]]]
TEXT, HEADER = {"content-type": "text/csv"}, {"x-amzn-sagemaker-custom-attributes": "trace=x; explain=1"}
LISTS = [list(row.values()) for row in ROWS]
COLUMNS = {name: [row[name] for row in ROWS] for name in NAMES}
CSV = "hour,zone\n" + "".join(f"{row['hour'] or ''},{row['zone'] or ''}\n" for row in ROWS)


def answers(reply: httpx.Response) -> Answers:
    assert reply.status_code == 200, reply.text
    return [(each["score"], each["explanation"]) for each in reply.json()["answers"]]


def predictions(reply: httpx.Response) -> Answers:
    assert reply.status_code == 200, reply.text
    return [(each["score"], each["explanation"]) for each in reply.json()["predictions"]]


def beside(reply: httpx.Response) -> Answers:
    assert reply.status_code == 200, reply.text
    return list(zip(reply.json()["predictions"], reply.json()["explanations"], strict=True))


def outputs(reply: httpx.Response) -> Answers:
    assert reply.status_code == 200, reply.text
    scores, explained = reply.json()["outputs"]
    assert (scores["name"], explained["name"], explained["datatype"]) == ("score", "explanation", "BYTES")
    return list(zip(scores["data"], map(json.loads, explained["data"]), strict=True))


def tensors() -> list[dict[str, object]]:
    kinds = {"hour": "FP64", "zone": "BYTES"}
    return [
        {"name": name, "shape": [len(ROWS)], "datatype": kinds[name], "data": cells} for name, cells in COLUMNS.items()
    ]


def by_triton(running: Server) -> Answers:
    import tritonclient.http as triton

    client = triton.InferenceServerClient(f"127.0.0.1:{running.port}")
    hours = np.array([math.nan if each is None else each for each in COLUMNS["hour"]])
    zones = np.array([(each or "").encode() for each in COLUMNS["zone"]], object)
    inputs = score_paths.tensors(hour=("FP64", hours), zone=("BYTES", zones))
    reply = client.infer(USE_CASE, inputs, parameters={"explain": SIZE})
    client.close()
    scores, texts = reply.as_numpy("score"), reply.as_numpy("explanation")
    assert scores is not None
    assert texts is not None
    return [(score, json.loads(text)) for score, text in zip(scores.tolist(), texts.tolist(), strict=True)]


def by_aws(running: Server) -> Answers:
    signed = {"region_name": "eu-west-1", "aws_access_key_id": "any", "aws_secret_access_key": "any"}
    client = boto3.client("sagemaker-runtime", endpoint_url=f"http://127.0.0.1:{running.port}", **signed)
    reply = client.invoke_endpoint(
        EndpointName=USE_CASE, ContentType="text/csv", Body=CSV, CustomAttributes=f"explain={SIZE}"
    )
    return [(each["score"], each["explanation"]) for each in json.loads(reply["Body"].read())["predictions"]]


def by_mlflow(running: Server) -> Answers:
    client = get_deploy_client(f"http://127.0.0.1:{running.port}")
    assert client is not None
    reply = client.predict(endpoint=USE_CASE, inputs={"dataframe_records": ROWS, "params": {"explain": SIZE}})
    return [(each["score"], each["explanation"]) for each in reply["predictions"]]


Post = Callable[..., httpx.Response]
PROTOCOLS: dict[str, Callable[[Post], Answers]] = {
    "native": lambda post: answers(post("/score", json={"rows": ROWS, "explain": SIZE})),
    "native, address": lambda post: answers(post("/score?explain=1", json={"rows": ROWS})),
    "native, the body goes before the address": lambda post: answers(
        post("/score?explain=false", json={"rows": ROWS, "explain": SIZE})
    ),
    "MLflow": lambda post: predictions(
        post("/invocations", json={"dataframe_records": ROWS, "params": {"explain": SIZE}})
    ),
    "MLflow, columns": lambda post: predictions(
        post("/invocations", json={"inputs": COLUMNS, "params": {"explain": SIZE}})
    ),
    "MLflow, CSV": lambda post: predictions(post("/invocations?explain=1", content=CSV, headers=TEXT)),
    "MLflow, JSON lines": lambda post: predictions(
        post(
            "/invocations?explain=1",
            content="\n".join(map(json.dumps, ROWS)),
            headers={"content-type": "application/jsonlines"},
        )
    ),
    "SageMaker": lambda post: predictions(post("/invocations", content=CSV, headers=TEXT | HEADER)),
    "Vertex AI": lambda post: predictions(post("/predict", json={"instances": LISTS, "parameters": {"explain": SIZE}})),
    "Vertex AI, address": lambda post: predictions(post("/predict?explain=1", json={"instances": LISTS})),
    "KServe 1, :predict": lambda post: predictions(
        post(f"/v1/models/{USE_CASE}:predict", json={"instances": ROWS, "parameters": {"explain": SIZE}})
    ),
    "KServe 1, :explain": lambda post: beside(
        post(f"/v1/models/{USE_CASE}:explain", json={"instances": ROWS, "parameters": {"explain": SIZE}})
    ),
    "KServe 1, :explain, address": lambda post: beside(
        post(f"/v1/models/{USE_CASE}:explain?explain=1", json={"instances": ROWS})
    ),
    "KServe 2": lambda post: outputs(
        post(f"/v2/models/{USE_CASE}/infer", json={"inputs": tensors(), "parameters": {"explain": SIZE}})
    ),
    "KServe 2, address, named outputs": lambda post: outputs(
        post(
            f"/v2/models/{USE_CASE}/infer?explain=1",
            json={"inputs": tensors(), "outputs": [{"name": "score"}, {"name": "explanation"}]},
        )
    ),
}


@pytest.mark.servers
@KINDS
def test_every_protocol_carries_the_explanation_of_the_model_that_answered(
    kind: str, server: tuple[Settings, Server]
) -> None:
    settings, running = server
    model = edge.model(kind)
    digest = edge.stored(edge.package(model), settings)
    served.routed(settings, digest, seq=2 + list(edge.KINDS).index(kind))
    running.wait_for(digest)
    carried = {name: ask(running.client.post) for name, ask in PROTOCOLS.items()}
    carried |= {"Triton's client": by_triton(running), "AWS's client": by_aws(running), "MLflow's": by_mlflow(running)}
    for name, explained in carried.items():
        assert len(explained) == len(ROWS), name
        for row, (score, each) in zip(ROWS, explained, strict=True):
            check(model, row, score, each)


PLAIN: dict[str, tuple[str, dict[str, Any], object]] = {
    "native": ("/score", {"rows": ROWS[:1], "explain": False}, ["entity", "score", "package", "route"]),
    "MLflow": ("/invocations?explain=0", {"dataframe_records": ROWS[:1]}, float),
    "SageMaker, attributes of another kind": ("/invocations", {"dataframe_records": ROWS[:1]}, float),
    "Vertex AI": ("/predict?explain=true", {"instances": LISTS[:1], "parameters": {"explain": False}}, float),
}


@pytest.mark.servers
@pytest.mark.parametrize("name", PLAIN)
def test_who_wants_no_explanation_gets_the_score_alone(name: str, server: tuple[Settings, Server]) -> None:
    path, body, expected = PLAIN[name]
    attributes = {"x-amzn-sagemaker-custom-attributes": "8a7b-explained, user=explainer"}
    reply = server[1].client.post(path, json=body, headers=attributes).json()
    if "answers" in reply:
        assert list(reply["answers"][0]) == expected
    else:
        assert isinstance(reply["predictions"][0], float)


REFUSED: list[tuple[str, str, object, dict[str, str], str]] = [
    ("no size in the address", "/score?explain=many", {"rows": ROWS}, {}, "explain: expected true, false, or how many"),
    ("a size twice", "/score?explain=1&explain=2", {"rows": ROWS}, {}, "expected explain once, got it 2 times"),
    ("no size in the body", "/score", {"rows": ROWS, "explain": "all"}, {}, "explain: expected true, false"),
    ("no size in params", "/invocations", {"inputs": ROWS, "params": {"explain": -1}}, {}, "params.explain: expected"),
    ("another param", "/invocations", {"inputs": ROWS, "params": {"top": 1}}, {}, "none but 'explain', 'horizon', got 'top'"),
    ("no size in parameters", "/predict", {"instances": ROWS, "parameters": {"explain": 1.5}}, {}, "parameters.explain: "),
    ("no size in a tensor's", f"/v2/models/{USE_CASE}/infer", {"inputs": tensors(), "parameters": {"explain": "x"}}, {}, "parameters.explain: "),
    ("an output that is not named", f"/v2/models/{USE_CASE}/infer?explain=1", {"inputs": tensors(), "outputs": [{"name": "score"}]}, {}, "send both, or name no outputs"),
    ("an output without its parameter", f"/v2/models/{USE_CASE}/infer", {"inputs": tensors(), "outputs": [{"name": "explanation"}]}, {}, "send both, or name no outputs"),
    ("none where all are explained", f"/v1/models/{USE_CASE}:explain?explain=false", {"instances": ROWS}, {}, "the one that ends in :predict"),
    ("CSV, which cannot carry it", "/invocations?explain=1", {"inputs": ROWS}, {"accept": "text/csv"}, "explanations in application/json"),
    ("Clarify's own option", "/invocations", {"inputs": ROWS}, {"x-amzn-sagemaker-enable-explanations": "`true`"}, "CustomAttributes='explain=true'"),
    ("no size in the header", "/invocations", {"inputs": ROWS}, {"x-amzn-sagemaker-custom-attributes": "explain=x"}, "explain: expected"),
    ("the header's option without a value", "/invocations", {"inputs": ROWS}, {"x-amzn-sagemaker-custom-attributes": "trace=1;explain"}, "CustomAttributes: expected 'explain=true'"),
    ("the header's option as JSON", "/invocations", {"inputs": ROWS}, {"x-amzn-sagemaker-custom-attributes": '{"explain": 3}'}, "CustomAttributes: expected 'explain=true'"),
    ("too many rows", "/score", {"rows": ROWS * 2, "explain": True}, {}, "expected at most 3 rows to explain, got 6"),
]  # fmt: skip


@pytest.mark.servers
@pytest.mark.parametrize(
    ("path", "body", "headers", "reported"), [each[1:] for each in REFUSED], ids=[each[0] for each in REFUSED]
)
def test_what_cannot_be_explained_is_told_and_never_answered_without(
    path: str, body: object, headers: dict[str, str], reported: str, server: tuple[Settings, Server]
) -> None:
    reply = server[1].client.post(path, json=body, headers=headers)
    assert reply.status_code == 422, reply.text
    assert reported in reply.json()["error"]


@pytest.mark.servers
@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        pytest.param({}, {"zone": "b"}, id="a snapshot that does not say"),
        pytest.param({snapshots.SHOWN: ["hour"]}, {"hour": 1.0, "zone": "b"}, id="one that may show the hour"),
        pytest.param({snapshots.SHOWN: "hour"}, {"zone": "b"}, id="one that says it in another form"),
    ],
)
def test_a_looked_up_value_is_shown_only_if_its_snapshot_allows_it(
    facts: dict[str, object], expected: dict[str, object], home: Settings
) -> None:
    rows = served.ENTITIES.assign(hour=1.0, zone="a").astype({"zone": "category"})
    packed = snapshots.pack(rows, {"night": str(served.NIGHT), **served.PINNED.facts, **facts})
    snapshot_store.put(home.feature_store / USE_CASE / "snapshots", served.NIGHT, packed)
    served.routed(home, served.packaged(home, "logistic"))
    with served.running(home) as running:
        eventually(lambda: running.client.get("/readyz").status_code == 200 or None, pause=0.05)
        body = {"rows": [{"entity": "ride-0", "zone": "b"}], "explain": True}
        (answer,) = running.client.post("/score", json=body).json()["answers"]
    shown = {each["feature"]: each["value"] for each in answer["explanation"]["contributions"] if "value" in each}
    assert shown == expected
    assert {each["feature"] for each in answer["explanation"]["contributions"]} == {*NAMES}


@pytest.mark.servers
def test_a_canary_explains_what_it_answered_and_a_shadow_explains_nothing(home: Settings) -> None:
    champion, challenger = served.packaged(home), served.packaged(home, "logistic")
    models = {champion: served.model(), challenger: served.model("logistic")}
    served.shelved(home)
    served.routed(home, champion, challenger=challenger, canary=0.5, release="r", shadow=True)
    with served.running(home) as running:
        eventually(lambda: running.client.get("/readyz").status_code == 200 or None, pause=0.05)
        rows = [{"entity": f"ride-{place}", "hour": 13.0, "zone": "a"} for place in range(40)]
        replied = running.client.post("/score", json={"rows": rows, "explain": 2}).json()["answers"]
        page = running.client.get("/metrics").text
    assert {each["package"] for each in replied} == set(models)
    for row, answer in zip(rows, replied, strict=True):
        given = {name: row[name] for name in NAMES}
        check(models[answer["package"]], given, answer["score"], answer["explanation"], 2)
    assert "ratchet_explanation_seconds_count 2.0" in page  # one for each route that answered, none for the copies


@pytest.mark.servers
def test_a_challenger_in_a_server_of_its_own_explains_itself_and_the_champion_when_it_cannot(home: Settings) -> None:
    champion, challenger = served.packaged(home), served.packaged(home, "logistic")
    served.shelved(home)
    served.routed(home, champion, challenger=challenger, canary=1.0, release="one")
    port, body = ports.free_port(home.host), {"rows": [{"entity": "ride-1"}], "explain": 2}
    with (
        served.running(home, port=port, package=challenger, explained_rows=1),
        served.running(home, challenger=f"http://{home.host}:{port}") as front,
    ):
        eventually(lambda: front.ask("ride-1")[0]["package"] == challenger or None, pause=0.05)
        (answer,) = front.client.post("/score", json=body).json()["answers"]
        two = front.client.post("/score", json={"entities": ["ride-1", "ride-2"], "explain": 2}).json()["answers"]
    known = served.ENTITIES[list(NAMES)].astype(object).to_dict("records")
    assert answer["package"] == challenger
    assert not any("value" in each for each in answer["explanation"]["contributions"])  # the front looked them up
    whole = explain.explain(served.model("logistic"), known[1])
    contributions = {each["feature"]: each["contribution"] for each in answer["explanation"]["contributions"]}
    assert contributions == pytest.approx(dict(whole.contributions))
    assert {each["package"] for each in two} == {champion}
    assert two[0]["explanation"]["raw"] == explain.explain(served.model(), known[1]).raw
