"""Real clients ask a server for the models of both horizons: by name, by option, and without naming one."""

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import httpx
import numpy as np
import pytest
import requests
from mlflow.deployments import get_deploy_client

from bench import score_paths
from include.settings import Settings, load_settings
from tests import served, served_live
from tests.served import USE_CASE, Server
from tests.served_live import LIVE
from tests.waiting import eventually

pytestmark = pytest.mark.servers
REACHED, COMING, UNKNOWN, PASSED = "ride-0", "ride-2", "ride-9", "ride-4"
ENTITIES = (REACHED, COMING, "ride-1", UNKNOWN)
CHOSEN = (LIVE, USE_CASE, LIVE, USE_CASE)  # the model that answers for each of them by default
NIGHT_ROW = served_live.row(served.ENTITIES, REACHED)
LIVE_ROW = served_live.row(served_live.ENTITIES, REACHED)

score = cache(served_live.score)


def scores(models: Sequence[str], entities: Sequence[str] = ENTITIES) -> list[float]:
    """Return the scores of the packages themselves."""
    return [score(model, entity) for model, entity in zip(models, entities, strict=True)]


@dataclass(frozen=True, kw_only=True)
class Both:
    """A server that nobody changes, with the digest of each model's package."""

    settings: Settings
    server: Server
    packages: dict[str, str]

    def post(self, path: str, body: object, **options: Any) -> httpx.Response:
        return self.server.client.post(path, json=body, **options)


@pytest.fixture(scope="module")
def both(prepared_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    home = tmp_path_factory.mktemp("both") / "home"
    shutil.copytree(prepared_home, home)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RATCHET_HOME", str(home))
        load_settings.cache_clear()
        settings = load_settings()
    load_settings.cache_clear()
    packages = {USE_CASE: served.packaged(settings), LIVE: served_live.packaged(settings)}
    served.shelved(settings)
    served_live.publish(settings)
    for model, digest in packages.items():
        served_live.route(settings, model, digest)
    with served.running(settings) as server:
        eventually(lambda: readiness(server, LIVE).get("features_of"), pause=0.05)
        yield Both(settings=settings, server=server, packages=packages)


def readiness(server: Server, model: str) -> dict[str, Any]:
    result: dict[str, Any] = server.client.get("/readyz").json().get("horizons", {}).get(model, {})
    return result


@pytest.fixture
def triton(both: Both) -> Iterator[Any]:
    import tritonclient.http  # a second of CPU, not for every worker

    client = tritonclient.http.InferenceServerClient(f"127.0.0.1:{both.server.port}")
    yield client
    client.close()


@pytest.fixture
def sagemaker(both: Both) -> Callable[..., dict[str, Any]]:
    """A function that invokes an endpoint with AWS's client, and returns the reply with its body decoded."""
    signed = {"region_name": "eu-west-1", "aws_access_key_id": "any", "aws_secret_access_key": "any"}
    client = boto3.client("sagemaker-runtime", endpoint_url=f"http://127.0.0.1:{both.server.port}", **signed)

    def invoke(endpoint: str, body: object, **options: str) -> dict[str, Any]:
        text, kind = (body, "text/csv") if isinstance(body, str) else (json.dumps(body), "application/json")
        reply = client.invoke_endpoint(EndpointName=endpoint, ContentType=kind, Body=text, **options)
        return {**reply, "predictions": json.loads(reply["Body"].read())["predictions"]}

    return invoke


def looked_up(*entities: str) -> list[Any]:
    """Return the tensor that asks for entities."""
    return score_paths.tensors(entity=("BYTES", np.array([each.encode() for each in entities], object)))


def records(*entities: str) -> list[dict[str, str]]:
    return [{"entity": each} for each in entities]


def test_tritons_client_gets_the_model_that_it_names(both: Both, triton: Any) -> None:
    for model, entity, horizon in ((LIVE, REACHED, "live"), (USE_CASE, REACHED, "night"), (USE_CASE, COMING, "night")):
        result = triton.infer(model, looked_up(entity))
        assert result.as_numpy("score").tolist() == scores([model], [entity])
        reply = result.get_response()
        assert (reply["model_name"], reply["model_version"]) == (model, both.packages[model])
        assert reply["parameters"] == {"horizon": horizon}
        versioned = triton.infer(model, looked_up(entity), model_version=both.packages[model])
        assert versioned.as_numpy("score").tolist() == result.as_numpy("score").tolist()


@pytest.mark.parametrize(
    "options", [{"query_params": {"horizon": "live"}}, {"parameters": {"horizon": "live"}}], ids=["address", "body"]
)
def test_tritons_client_gets_the_live_model_by_option_for_those_that_have_reached_it(
    options: dict[str, Any], both: Both, triton: Any
) -> None:
    result = triton.infer(USE_CASE, looked_up(*ENTITIES), **options)
    assert result.as_numpy("score").tolist() == scores(CHOSEN)
    reply = result.get_response()
    assert reply["parameters"] == {"horizon": "live, night"}
    assert (reply["model_name"], "model_version" in reply) == (USE_CASE, False)  # no one package answered for all
    cells = {"wait": "FP64", "hour": "FP64", "zone": "BYTES"}
    tensors = {name: (kind, np.array([LIVE_ROW[name]], object if kind == "BYTES" else None)) for name, kind in cells.items()}  # fmt: skip
    sent = triton.infer(USE_CASE, score_paths.tensors(**tensors), **options)
    assert sent.as_numpy("score").tolist() == scores([LIVE], [REACHED])
    assert sent.get_response()["model_version"] == both.packages[LIVE]


def test_tritons_client_reads_what_both_models_are(both: Both, triton: Any) -> None:
    from tritonclient.utils import InferenceServerException

    for model, names in ((USE_CASE, served.NAMES), (LIVE, tuple(served_live.FRAME))):
        for version in ("", both.packages[model]):
            assert triton.is_model_ready(model, version)
            metadata = triton.get_model_metadata(model, version)
            assert (metadata["name"], metadata["versions"]) == (model, [both.packages[model]])
            assert [each["name"] for each in metadata["inputs"]] == [*names]
    assert not triton.is_model_ready("taxi-week")
    assert not triton.is_model_ready(LIVE, both.packages[USE_CASE])
    for entity, status, reason in (
        (COMING, "422", "its cutoff for taxi-live is at 2013-01-12 14:45 UTC"),
        (PASSED, "410", "its event was due at 2013-01-12 13:45 UTC"),
        (UNKNOWN, "404", "'ride-9' is none of the 6 entities"),
    ):
        with pytest.raises(InferenceServerException, match=f"(?s){status}.*{reason}"):
            triton.infer(LIVE, looked_up(entity))


def test_mlflows_client_asks_the_endpoint_of_the_use_case_or_of_a_model(both: Both) -> None:
    client = get_deploy_client(f"http://127.0.0.1:{both.server.port}")
    assert client is not None

    def predict(endpoint: str, *entities: str, **params: str) -> list[float]:
        body = {"dataframe_records": records(*entities), **({"params": params} if params else {})}
        answer: dict[str, list[float]] = client.predict(endpoint=endpoint, inputs=body)
        return answer["predictions"]

    assert predict(USE_CASE, *ENTITIES) == scores(CHOSEN)
    assert predict(USE_CASE, *ENTITIES, horizon="live") == scores(CHOSEN)
    assert predict(USE_CASE, *ENTITIES, horizon="night") == scores([USE_CASE] * 4)
    assert predict(LIVE, REACHED, "ride-1") == scores([LIVE] * 2, [REACHED, "ride-1"])
    for endpoint, entity, status in ((LIVE, COMING, "422"), (LIVE, PASSED, "410"), (USE_CASE, PASSED, "410")):
        with pytest.raises(requests.HTTPError, match=status):
            predict(endpoint, entity)
    sent = client.predict(endpoint=LIVE, inputs={"dataframe_records": [LIVE_ROW]})
    assert sent == {"predictions": scores([LIVE], [REACHED])}


def test_sagemakers_client_asks_with_attributes_and_reads_the_horizon_from_them(
    sagemaker: Callable[..., dict[str, Any]],
) -> None:
    body = {"dataframe_records": records(*ENTITIES)}
    for options, models, attributes in (
        ({}, CHOSEN, "horizon=live;horizon=night"),
        ({"CustomAttributes": "trace=7,horizon=live"}, CHOSEN, "horizon=live;horizon=night"),
        ({"CustomAttributes": "horizon=night"}, [USE_CASE] * 4, "horizon=night"),
    ):
        reply = sagemaker(USE_CASE, body, **options)
        assert (reply["predictions"], reply["CustomAttributes"]) == (scores(models), attributes)
    reply = sagemaker(LIVE, {"instances": records(REACHED)})
    assert (reply["predictions"], reply["CustomAttributes"]) == (scores([LIVE], [REACHED]), "horizon=live")
    cells = ",".join(str(each) for each in LIVE_ROW.values())  # no header: in the order of the live model's features
    reply = sagemaker(USE_CASE, cells, CustomAttributes="horizon=live")
    assert reply["predictions"] == scores([LIVE], [REACHED])


@pytest.mark.parametrize(("entity", "status"), [(COMING, 422), (PASSED, 410), (UNKNOWN, 404)])
def test_sagemakers_client_gets_the_status_of_what_the_live_model_cannot_answer(
    entity: str, status: int, sagemaker: Callable[..., dict[str, Any]]
) -> None:
    from botocore.exceptions import ClientError

    with pytest.raises(ClientError) as raised:
        sagemaker(LIVE, {"instances": records(entity)})
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == status


def test_kserves_first_protocol_has_both_models(both: Both) -> None:
    get = both.server.client.get
    assert get("/").json() == {"status": "alive"}
    assert get("/v1/models").json() == {"models": [USE_CASE, LIVE]}
    for model in (USE_CASE, LIVE):
        assert get(f"/v1/models/{model}").json() == {"name": model, "ready": True}
        reply = both.post(f"/v1/models/{model}:predict", {"instances": records(REACHED)})
        assert reply.json() == {"predictions": scores([model], [REACHED])}
        explained = both.post(f"/v1/models/{model}:explain", {"instances": records(REACHED)}).json()
        assert (explained["predictions"], len(explained["explanations"])) == (scores([model], [REACHED]), 1)
    for options in ({"parameters": {"horizon": "live"}}, {}):
        path = f"/v1/models/{USE_CASE}:predict" + ("" if options else "?horizon=live")
        reply = both.post(path, {"instances": records(*ENTITIES), **options})
        assert reply.json() == {"predictions": scores(CHOSEN)}
        assert reply.headers["x-ratchet-horizon"] == "live, night"
        lists = both.post(path, {"instances": [list(LIVE_ROW.values())], **options})  # in the order of the live model
        assert lists.json() == {"predictions": scores([LIVE], [REACHED])}


def test_kserves_second_protocol_has_both_models_and_accepts_the_name_in_the_body(both: Both) -> None:
    assert both.server.client.get("/v2/models").json() == {"models": [USE_CASE, LIVE]}
    tensor = {"name": "entity", "shape": [1], "datatype": "BYTES", "data": [REACHED]}
    for model, path, options, answered in (
        (USE_CASE, "infer", {}, USE_CASE),
        (LIVE, "infer", {}, LIVE),
        (LIVE, f"versions/{both.packages[LIVE]}/infer", {}, LIVE),
        (USE_CASE, "infer?horizon=live", {}, LIVE),
        (USE_CASE, "infer", {"parameters": {"horizon": "live"}}, LIVE),
        (USE_CASE, "infer?horizon=live", {"parameters": {"horizon": "night"}}, USE_CASE),  # the body takes precedence
    ):
        reply = both.post(f"/v2/models/{model}/{path}", {"inputs": [tensor], "model_name": model, **options})
        assert reply.json()["outputs"][0]["data"] == scores([answered], [REACHED]), reply.text
        assert (reply.json()["model_name"], reply.json()["model_version"]) == (model, both.packages[answered])
    wrong = both.post(f"/v2/models/{LIVE}/infer", {"inputs": [tensor], "parameters": {"horizon": 3}})
    assert (wrong.status_code, "parameters.horizon: expected the name of a horizon, got 3" in wrong.text) == (422, True)


def test_vertex_ais_route_chooses_for_each_instance(both: Both) -> None:
    for parameters, models, horizons in (
        (None, CHOSEN, "live, night"),
        ({"horizon": "live"}, CHOSEN, "live, night"),
        ({"horizon": "night"}, [USE_CASE] * 4, "night"),
    ):
        reply = both.post("/predict", {"instances": records(*ENTITIES), "parameters": parameters})
        assert reply.json() == {"predictions": scores(models)}
        assert reply.headers["x-ratchet-horizon"] == horizons
    assert both.post("/predict", {"instances": records(REACHED, PASSED)}).status_code == 410


def test_a_request_that_names_the_night_is_answered_whatever_the_live_snapshot_says(both: Both) -> None:
    body = {"instances": records(PASSED)}
    for path in (f"/v1/models/{USE_CASE}:predict", "/predict?horizon=night"):
        assert both.post(path, body).json() == {"predictions": scores([USE_CASE], [PASSED])}


def test_each_row_of_a_mixed_request_is_logged_once_with_its_position_in_the_request(both: Both) -> None:
    headers = {"x-request-id": "mixed"}
    reply = both.post("/score", {"entities": ENTITIES}, headers=headers)
    assert [each["score"] for each in reply.json()["answers"]] == scores(CHOSEN)
    logged = {
        record["place"]: (model, record["entity"], record["request"])
        for model in (USE_CASE, LIVE)
        for record in served_live.records(both.settings, model)
        if record["client_request"] == "mixed"
    }
    request = reply.json()["request_id"]
    assert [logged[index] for index in range(4)] == [(*each, request) for each in zip(CHOSEN, ENTITIES, strict=True)]


def test_the_openapi_document_names_both_models_and_horizons(both: Both) -> None:
    paths = both.server.client.get("/openapi.json").json()["paths"]
    (name,) = paths["/v1/models/{name}"]["get"]["parameters"]
    assert name["schema"]["enum"] == [USE_CASE, LIVE]
    (horizon,) = (each for each in paths["/predict"]["post"]["parameters"] if each["name"] == "horizon")
    assert horizon["schema"]["enum"] == ["night", "live"]
