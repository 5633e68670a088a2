"""A real server: what it answers, what it refuses, and what it does while packages and snapshots change under it."""

import gzip
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import boto3
import httpx
import msgspec
import numpy as np
import pytest
import requests
from mlflow.deployments import get_deploy_client

from bench import score_paths
from include.serving.handler import PredictionRecord
from include.settings import Settings
from include.stores import request_log, routing_store
from tests import served
from tests.served import ENTITIES, NAMES, USE_CASE, Server
from tests.waiting import eventually

pytestmark = pytest.mark.servers
ROW = {"hour": 13.0, "zone": "a"}
SENT = json.dumps({"rows": [ROW]}).encode()


@pytest.fixture(scope="module")
def shared(prepared_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Settings, Server, str]]:
    """A server that nobody changes, with small limits, and its package."""
    from include.settings import load_settings

    home = tmp_path_factory.mktemp("shared") / "home"
    shutil.copytree(prepared_home, home)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RATCHET_HOME", str(home))
        load_settings.cache_clear()
        settings = load_settings()
    load_settings.cache_clear()
    digest = served.packaged(settings)
    served.shelved(settings)
    served.routed(settings, digest)
    limits = {"body_bytes": 50_000, "rows": 100, "body_seconds": 0.5, "token": "secret"}
    with served.running(settings, **limits) as server:
        yield settings, server, digest


def records(settings: Settings) -> list[PredictionRecord]:
    """Return everything in the journal."""
    pages = (request_log.read(segment) for segment in request_log.segments(settings.prediction_log / USE_CASE))
    return [msgspec.json.decode(each, type=PredictionRecord) for page in pages for each in page.records]


def test_every_protocol_gives_the_score_of_the_package(shared: tuple[Settings, Server, str]) -> None:
    _, server, _ = shared
    expected = served.model().predict_row({"hour": 13.0, "zone": "a"})
    post = server.client.post
    assert post("/score", json={"rows": [ROW]}).json()["answers"][0]["score"] == expected
    assert post("/invocations", json={"dataframe_records": [ROW]}).json() == {"predictions": [expected]}
    assert post("/predict", json={"instances": [ROW]}).json() == {"predictions": [expected]}
    csv = post("/invocations", content="13,a", headers={"content-type": "text/csv", "accept": "text/csv"})
    assert csv.text == f"{expected!r}\n"
    import tritonclient.http as triton  # a second of CPU, not for every worker

    client = triton.InferenceServerClient(f"127.0.0.1:{server.port}")
    inputs = score_paths.tensors(hour=("FP64", np.array([13.0])), zone=("BYTES", np.array([b"a"], object)))
    assert client.infer(USE_CASE, inputs).as_numpy("score").tolist() == [expected]
    assert client.is_server_ready()
    assert client.is_model_ready(USE_CASE)
    assert [each["name"] for each in client.get_model_metadata(USE_CASE)["inputs"]] == [*NAMES]
    client.close()


def test_aws_s_own_client_is_answered(shared: tuple[Settings, Server, str]) -> None:
    _, server, _ = shared
    signed = {"region_name": "eu-west-1", "aws_access_key_id": "any", "aws_secret_access_key": "any"}
    client = boto3.client("sagemaker-runtime", endpoint_url=f"http://127.0.0.1:{server.port}", **signed)
    expected = served.model().predict_row({"hour": 13.0, "zone": "a"})
    body = json.dumps({"dataframe_records": [ROW]})
    reported = client.invoke_endpoint(EndpointName=USE_CASE, ContentType="application/json", Body=body)
    assert json.loads(reported["Body"].read()) == {"predictions": [expected]}
    csv = client.invoke_endpoint(EndpointName=USE_CASE, ContentType="text/csv", Accept="text/csv", Body="13,a")
    assert csv["Body"].read().decode() == f"{expected!r}\n"
    with pytest.raises(client.exceptions.ClientError, match="404"):
        client.invoke_endpoint(EndpointName="another", ContentType="text/csv", Body="13,a")


def test_kserve_s_first_protocol_is_answered(shared: tuple[Settings, Server, str]) -> None:
    _, server, _ = shared
    assert server.client.get(f"/v1/models/{USE_CASE}").json() == {"name": USE_CASE, "ready": True}
    reported = server.client.post(f"/v1/models/{USE_CASE}:predict", json={"instances": [ROW]}).json()
    assert reported == {"predictions": [served.model().predict_row({"hour": 13.0, "zone": "a"})]}
    assert server.client.post("/v1/models/another:predict", json={"instances": [ROW]}).status_code == 404


def test_mlflow_s_deployment_client_is_answered(shared: tuple[Settings, Server, str]) -> None:
    _, server, _ = shared
    client = get_deploy_client(f"http://127.0.0.1:{server.port}")
    assert client is not None
    reported = client.predict(endpoint=USE_CASE, inputs={"dataframe_records": [ROW]})
    assert reported == {"predictions": [served.model().predict_row({"hour": 13.0, "zone": "a"})]}
    with pytest.raises(requests.HTTPError, match="404"):
        client.predict(endpoint="another", inputs={"dataframe_records": [ROW]})


def test_an_entity_is_answered_from_the_snapshot_and_what_is_sent_goes_before_it(
    shared: tuple[Settings, Server, str],
) -> None:
    _, server, digest = shared
    model, first = served.model(), ENTITIES.iloc[0]
    (answer,) = server.ask("ride-0")
    known = {"hour": float(first["hour"]), "zone": str(first["zone"])}
    assert (answer["score"], answer["package"]) == (model.predict_row(known), digest)
    newer = server.client.post("/score", json={"rows": [{"entity": "ride-0", "hour": 1.0}]}).json()["answers"][0]
    assert newer["score"] == model.predict_row(known | {"hour": 1.0})


def test_many_rows_get_the_scores_that_they_get_alone(shared: tuple[Settings, Server, str]) -> None:
    _, server, _ = shared
    names = list(ENTITIES["entity"])
    together = [each["score"] for each in server.ask(*names)]
    assert together == pytest.approx([server.ask(name)[0]["score"] for name in names], abs=1e-12)


REFUSED = [
    ("an unknown entity", "/score", b'{"entities": ["nobody"]}', {}, 404, "'nobody' is none of the 40 entities of 2013-01-12"),
    ("a lacking feature", "/score", b'{"rows": [{"hour": 1}]}', {}, 422, "lacking: 'zone'"),
    ("an unknown column", "/score", b'{"rows": [{"hour": 1, "zone": "a", "x": 1}]}', {}, 422, "got 'x'"),
    ("NaN", "/score", b'{"rows": [{"hour": NaN, "zone": "a"}]}', {}, 422, "expected JSON"),
    ("Infinity", "/score", b'{"rows": [{"hour": Infinity, "zone": "a"}]}', {}, 422, "expected JSON"),
    ("1e999", "/score", b'{"rows": [{"hour": 1e999, "zone": "a"}]}', {}, 422, "out of range"),
    ("a wrong type", "/score", b'{"rows": [{"hour": "x", "zone": "a"}]}', {}, 422, "hour: expected a number"),
    ("bad UTF-8", "/score", b'{"rows": [{"hour": 1, "zone": "\xff"}]}', {}, 422, "expected JSON"),
    ("a deep body", "/predict", b'{"instances": ' + b"[" * 20_000 + b"]" * 20_000 + b"}", {}, 422, "recursion"),
    ("a large body", "/score", b" " * 50_001, {}, 413, "at most 50000 bytes"),
    ("many rows", "/predict", b'{"instances": [' + b",".join([b'[1,"a"]'] * 101) + b"]}", {}, 422, "at most 100 rows"),
    ("another format", "/score", b"<x/>", {"content-type": "text/xml"}, 415, "got 'text/xml'"),
    ("another model", "/v2/models/bus/infer", b"{}", {}, 404, "expected the model 'taxi'"),
    ("another version", f"/v2/models/{USE_CASE}/versions/x/infer", json.dumps({"inputs": [{"name": "hour", "shape": [1], "datatype": "FP64", "data": [1]}, {"name": "zone", "shape": [1], "datatype": "BYTES", "data": ["a"]}]}).encode(), {}, 404, "which is served now"),
    ("no number of bytes", f"/v2/models/{USE_CASE}/infer", b"{}", {"inference-header-content-length": "x"}, 422, "a number of bytes"),
    ("a negative number of bytes", f"/v2/models/{USE_CASE}/infer", b"{}", {"inference-header-content-length": "-1"}, 422, "got '-1'"),
    ("a signed number of bytes", f"/v2/models/{USE_CASE}/infer", b"{}", {"inference-header-content-length": "+5"}, 422, "got '+5'"),
    ("another compression", "/score", b"{}", {"content-encoding": "br"}, 415, "got 'br'"),
    ("no gzip after all", "/score", b"{}", {"content-encoding": "gzip"}, 422, "expected a body in gzip"),
    ("a gzip bomb", "/score", gzip.compress(b" " * 50_001), {"content-encoding": "gzip"}, 413, "at most 50000 bytes after gzip"),
    ("another charset", "/score", b"{}", {"content-type": "application/json; charset=koi8-r"}, 415, "got 'koi8-r'"),
    ("a name twice", "/predict", b'{"instances": [{"hour": 1, "zone": "a:", "zon\\u0065": "b"}]}', {}, 422, "got 'zone' twice"),
    ("a name twice at the top", "/score", b'{"rows": [], "rows": [{"hour": 1, "zone": "a"}]}', {}, 422, "got 'rows' twice"),
    ("a name twice in a line", "/invocations", b'{"hour": 1, "zone": "a"}\n{"hour": 1, "hour": 2, "zone": "a"}', {"content-type": "application/jsonlines"}, 422, "got 'hour' twice"),
    ("a path with a slash", "/score/", b"{}", {"host": "elsewhere.example"}, 404, "Not Found"),
    ("nothing", "/nowhere", b"{}", {}, 404, "Not Found"),
    ("control without a token", "/control/refresh", b"", {}, 401, "Bearer"),
    ("control with another token", "/control/refresh", b"", {"authorization": "Bearer x"}, 401, "Bearer"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "body", "headers", "status", "reported"), [each[1:] for each in REFUSED], ids=[each[0] for each in REFUSED]
)
def test_what_cannot_be_answered_gets_a_status_and_a_sentence(
    path: str, body: bytes, headers: dict[str, str], status: int, reported: str, shared: tuple[Settings, Server, str]
) -> None:
    _, server, _ = shared
    replied = server.client.post(path, content=body, headers={"content-type": "application/json"} | headers)
    assert replied.status_code == status
    assert reported in replied.json()["error"]
    assert server.ask("ride-0")


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        pytest.param(gzip.compress(SENT), {"content-encoding": "gzip"}, id="gzip"),
        pytest.param(zlib.compress(SENT), {"content-encoding": "Deflate"}, id="deflate"),
        pytest.param(zlib.compress(SENT)[2:-4], {"content-encoding": "deflate"}, id="deflate without its header"),
        pytest.param(SENT.decode().encode("utf-16"), {}, id="UTF-16"),
        pytest.param(
            SENT.decode().encode("utf-16-be"), {"content-type": "application/json; charset=utf-16be"}, id="a charset"
        ),
        pytest.param(b"\xef\xbb\xbf" + SENT, {}, id="a byte order mark"),
    ],
)
def test_a_body_is_decoded_as_its_headers_say(
    body: bytes, headers: dict[str, str], shared: tuple[Settings, Server, str]
) -> None:
    _, server, _ = shared
    replied = server.client.post("/score", content=body, headers={"content-type": "application/json"} | headers)
    assert replied.status_code == 200, replied.text
    assert replied.json()["answers"][0]["score"] == served.model().predict_row(ROW)


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/ping", "/health", "/v2/health/live", "/v2/health/ready"])
def test_health_is_answered_without_a_body_to_head(path: str, shared: tuple[Settings, Server, str]) -> None:
    _, server, _ = shared
    replied = server.client.head(path)
    assert (replied.status_code, replied.content) == (200, b"")
    assert server.client.head("/score").status_code == 405


def test_a_client_that_dawdles_over_its_body_is_told_so(shared: tuple[Settings, Server, str]) -> None:
    _, server, _ = shared
    with socket.create_connection(("127.0.0.1", server.port)) as slow:
        slow.sendall(b"POST /score HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n{")
        slow.settimeout(5)
        assert slow.recv(4096).startswith(b"HTTP/1.1 408")


def test_half_open_connections_keep_nobody_waiting_and_are_hung_up_on(shared: tuple[Settings, Server, str]) -> None:
    _, server, _ = shared
    opened = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(200)]
    try:
        for each in opened:
            each.sendall(b"POST /score HTTP/1.1\r\nhost: x\r\n")
        assert server.ask("ride-0")
        opened[-1].setblocking(False)
        with pytest.raises(BlockingIOError):  # still open: the answer did not wait until the server hung up
            opened[-1].recv(10)
        opened[0].settimeout(60)
        assert opened[0].recv(10) == b""
    finally:
        for each in opened:
            each.close()


def test_the_openapi_document_is_kept_by_what_it_describes(
    shared: tuple[Settings, Server, str], tmp_path: Path
) -> None:
    _, server, _ = shared
    document = f"http://127.0.0.1:{server.port}/openapi.json"
    options = ["--header", "Authorization: Bearer secret", "--max-examples", "15", "--seed", "1", "--no-color"]
    command = [str(Path(sys.executable).with_name("schemathesis")), "run", document, *options]
    tried = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
    assert tried.returncode == 0, tried.stdout[-3000:]
    assert "Tested: 26" in tried.stdout


def test_the_documentation_needs_nothing_from_elsewhere(shared: tuple[Settings, Server, str]) -> None:
    _, server, _ = shared
    page = server.client.get("/docs")
    assert page.status_code == 200
    assert "https://" not in page.text
    assert server.client.get("/static-offline-docs/swagger-ui-bundle.js").status_code == 200


def test_each_answer_is_in_the_journal_with_all_that_made_it(shared: tuple[Settings, Server, str]) -> None:
    settings, server, digest = shared
    replied = server.client.post(
        "/score", json={"rows": [{"entity": "ride-1", "hour": 2.0}, ROW]}, headers={"x-request-id": "mine"}
    )
    assert replied.headers["x-request-id"] == "mine"
    scores = [each["score"] for each in replied.json()["answers"]]
    first, second = [each for each in records(settings) if each.client_request == "mine"]
    assert [first.score, second.score] == scores
    assert first.request == second.request == replied.json()["request_id"] != "mine"
    assert (first.entity, first.night, first.row_index) == ("ride-1", "2013-01-12", 0)
    assert (second.entity, second.night, second.row_index) == (None, "2013-01-12", 1)
    assert first.features == {"hour": 2.0, "zone": str(ENTITIES["zone"].iloc[1])}
    assert {first.package, second.package} == {digest}
    assert first.latency_ms > 0


def test_prometheus_reads_what_happened(shared: tuple[Settings, Server, str]) -> None:
    _, server, digest = shared
    server.ask("ride-0")
    page = server.client.get("/metrics").text
    assert f'ratchet_answers_total{{package="{digest}",route="champion"}}' in page
    assert 'ratchet_requests_total{protocol="native",status="200"}' in page
    assert "ratchet_ready 1.0" in page
    assert 'ratchet_use_case{name="taxi"} 1.0' in page


def test_the_first_request_waits_for_nothing_that_is_loaded_only_then(home: Settings) -> None:
    served.routed(home, served.packaged(home))
    with served.running(home) as server:
        while server.client.get("/readyz").status_code != 200:
            time.sleep(0.05)
        before = _libraries(server.process.pid)
        assert server.client.post("/score", json={"rows": [ROW] * 50}).status_code == 200
        assert _libraries(server.process.pid) == before
        assert any("lightgbm" in each for each in before)


def _libraries(process: int) -> set[str]:
    """Return the shared libraries that a process has in memory."""
    lines = Path(f"/proc/{process}/maps").read_text().splitlines()
    return {line.split()[-1] for line in lines if ".so" in line}


def test_answers_outlive_the_process_that_gave_them(home: Settings) -> None:
    served.routed(home, served.packaged(home))
    served.shelved(home)
    with served.running(home) as server:
        for place in range(40):
            server.ask(f"ride-{place}")
        os.kill(server.process.pid, signal.SIGKILL)
        server.process.wait(10)
    assert [each.entity for each in records(home)] == [f"ride-{place}" for place in range(40)]


def test_another_champion_answers_soon_and_no_request_is_dropped(home: Settings) -> None:
    trees, logistic = served.packaged(home), served.packaged(home, "logistic")
    served.shelved(home)
    served.routed(home, trees, standby=logistic)
    failures: list[str] = []
    done = threading.Event()

    def keep_asking(port: int) -> None:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
            while not done.is_set():
                replied = client.post("/score", json={"entities": ["ride-3"]})
                if replied.status_code != 200:
                    failures.append(replied.text)

    with served.running(home) as server:
        asking = threading.Thread(target=keep_asking, args=[server.port])
        asking.start()
        served.routed(home, logistic, seq=2, standby=trees)
        seconds = server.wait_for(logistic)
        done.set()
        asking.join()
    assert failures == []
    assert seconds < 2


def test_a_canary_answers_for_its_share_and_the_same_entities_again(home: Settings) -> None:
    champion, challenger = served.packaged(home), served.packaged(home, "logistic")
    rows = ENTITIES.loc[np.repeat(range(40), 10)].assign(entity=[f"ride-{place}" for place in range(400)])
    served.shelved(home, rows)
    routing = served.routed(home, champion, challenger=challenger, canary=0.25, release="r")
    names = list(rows["entity"])
    with served.running(home) as server:
        first, second = ({name: server.ask(name)[0]["route"] for name in names} for _ in range(2))
    assert first == second == {name: routing.route(name).value for name in names}
    assert 60 < sum(route == "canary" for route in first.values()) < 140


def test_an_id_that_a_client_repeats_neither_chooses_a_route_nor_makes_one_observation_of_many(home: Settings) -> None:
    champion, challenger = served.packaged(home), served.packaged(home, "logistic")
    served.routed(home, champion, challenger=challenger, canary=0.5, release="r")
    with served.running(home) as server:
        eventually(lambda: server.client.get("/readyz").status_code == 200 or None, pause=0.05)
        replies = [
            server.client.post("/score", json={"rows": [ROW]}, headers={"x-request-id": "always"}) for _ in range(60)
        ]
    assert {each.headers["x-request-id"] for each in replies} == {"always"}
    assert {each.json()["answers"][0]["route"] for each in replies} == {"champion", "canary"}
    written = records(home)
    assert len({each.request for each in written}) == len(written) == 60
    assert {each.client_request for each in written} == {"always"}


def test_after_whatever_went_wrong_a_rollback_is_followed(home: Settings) -> None:
    trees, logistic = served.packaged(home), served.packaged(home, "logistic")
    shelf = served.shelved(home)
    served.routed(home, trees, standby=logistic)
    pointer, deep = shelf / "newest.json", b"[" * 100_000
    with served.running(home) as server:
        server.wait_for(trees)

        def says_faults() -> bool | None:
            reply = server.client.get("/readyz")
            return (reply.status_code == 200 and bool(reply.json()["faults"])) or None

        kept = pointer.read_bytes()
        for seq, (path, content) in enumerate(
            ((pointer, deep), (pointer, None), (routing_store.path_of(home.routes, USE_CASE), deep)), 2
        ):
            path.unlink()
            path.write_bytes(content) if content else path.mkdir()
            eventually(says_faults, pause=0.05)
            if not content:
                path.rmdir()
            pointer.write_bytes(kept)
            (home.trusted_keys / "routing" / f"{seq}.pem").write_bytes(b"garbage")
            wanted, other = (logistic, trees) if seq % 2 == 0 else (trees, logistic)
            served.routed(home, wanted, seq=seq, standby=other)
            server.wait_for(wanted)
        page = server.client.get("/metrics").text
        assert 'ratchet_refresh_failures_total{part="snapshot"}' in page
        assert 'ratchet_refresh_failures_total{part="routing"}' in page


def test_a_store_that_blinks_at_the_start_or_in_a_promotion_is_read_again(home: Settings) -> None:
    trees, logistic = served.packaged(home), served.packaged(home, "logistic")
    served.shelved(home)
    served.routed(home, trees)
    hidden = home.packages.rename(home.home / "hidden")
    with served.running(home) as server:
        reply = eventually(lambda: r if (r := server.client.get("/readyz")).json()["faults"] else None, pause=0.05)
        assert (reply.status_code, "it is not there" in reply.text) == (503, True)
        hidden.rename(home.packages)
        eventually(lambda: server.client.get("/readyz").status_code == 200 or None, pause=0.05)
        server.wait_for(trees)
        (home.packages / logistic).rename(hidden)
        served.routed(home, logistic, seq=2)
        eventually(lambda: server.client.get("/readyz").json()["faults"] or None, pause=0.05)
        hidden.rename(home.packages / logistic)
        server.wait_for(logistic)


def test_control_without_a_token_says_how_to_set_one(home: Settings) -> None:
    with served.running(home) as server:
        reply = server.client.post("/control/refresh")
    assert reply.status_code == 403
    assert "RATCHET_SERVING_TOKEN_FILE" in reply.json()["error"]


def test_a_shadow_answers_a_copy_that_nobody_hears(home: Settings) -> None:
    champion, challenger = served.packaged(home), served.packaged(home, "logistic")
    served.shelved(home)
    served.routed(home, champion, challenger=challenger, shadow=True)
    with served.running(home) as server:
        heard = {each["package"] for place in range(40) for each in server.ask(f"ride-{place}")}
    assert heard == {champion}
    copies = [each for each in records(home) if each.route == "shadow"]
    assert [each.entity for each in copies] == [f"ride-{place}" for place in range(40)]
    assert {each.package for each in copies} == {challenger}
    shadowed = served.model("logistic").predict(ENTITIES)
    assert [each.score for each in copies] == pytest.approx(shadowed.tolist(), abs=1e-12)


@pytest.mark.parametrize(
    ("damage", "reported"),
    [
        pytest.param("cut", "'learner.txt' should have SHA-256", id="a truncated file"),
        pytest.param("edited", "'learner.txt' should have SHA-256", id="an edited leaf"),
        pytest.param("foreign", "is for the use case 'bus', expected 'taxi'", id="another use case's"),
        pytest.param("absent", "it is not there", id="a digest that nobody packed"),
        pytest.param("unsigned", "has no model.sig", id="nobody signed it"),
        pytest.param("other features", "defines zone differently", id="features that mean something else"),
        pytest.param("forged routing", "has a forged signature", id="a routing that nobody signed"),
        pytest.param("old routing", "it was replaced by an older routing", id="an old routing put back"),
    ],
)
def test_what_is_bad_is_refused_and_the_old_package_keeps_answering(damage: str, reported: str, home: Settings) -> None:
    good = served.packaged(home)
    served.shelved(home)
    served.routed(home, good, seq=5)
    facts: dict[str, object] = {"use_case": "bus"} if damage == "foreign" else {}
    if damage == "other features":
        facts = {"feature_definitions": {"hour": "hourhour", "zone": "elsewhere"}}
    bad = "0" * 64 if damage == "absent" else served.packaged(home, "logistic", **facts)
    if damage in ("cut", "edited", "unsigned"):
        broken = home.packages / bad / ("model.sig" if damage == "unsigned" else "learner.txt")
        text = broken.read_bytes()
        broken.write_bytes(text[:-20] if damage == "cut" else text.replace(b"1", b"2"))
        if damage == "unsigned":
            broken.unlink()
    with served.running(home) as server:
        served.routed(home, bad, seq=4 if damage == "old routing" else 6)
        if damage == "forged routing":
            path = routing_store.path_of(home.routes, USE_CASE)
            path.write_text(path.read_text().replace('"sig": "M', '"sig": "N'))
        faults = eventually(lambda: server.client.get("/readyz").json()["faults"] or None, pause=0.05)
        assert reported in " ".join(faults)
        if damage != "other features":
            assert server.ask("ride-0")[0]["package"] == good


def test_a_newer_snapshot_is_answered_from_and_a_damaged_one_is_not(home: Settings) -> None:
    served.routed(home, served.packaged(home))
    shelf = served.shelved(home)
    with served.running(home) as server:
        before = server.ask("ride-0")[0]["score"]
        served.shelved(home, ENTITIES.assign(hour=23.0 - ENTITIES["hour"]), date(2013, 1, 13))
        after = eventually(lambda: score if (score := server.ask("ride-0")[0]["score"]) != before else None, pause=0.05)
        served.shelved(home, ENTITIES, date(2013, 1, 14))
        (newest,) = [each for each in shelf.iterdir() if each.name.startswith("2013-01-14")]
        (newest / "numbers.f8").write_bytes(b"")
        shutil.rmtree(home.packages)
        time.sleep(1)
        assert server.ask("ride-0")[0]["score"] in (after, before)


def test_before_the_first_champion_the_server_lives_and_says_what_it_waits_for(home: Settings) -> None:
    with served.running(home) as server:
        assert server.client.get("/healthz").status_code == 200
        replied = server.client.post("/score", json={"entities": ["ride-0"]})
        assert (replied.status_code, replied.headers["retry-after"]) == (503, "1")
        assert "has no champion yet" in replied.json()["error"]
        assert server.client.get("/ping").status_code == 503
        served.shelved(home)
        served.routed(home, served.packaged(home))
        eventually(lambda: server.client.get("/ping").status_code == 200 or None, pause=0.1)
        body = {"entities": ["ride-0"]}  # the snapshot may come a look later than the champion
        eventually(lambda: server.client.post("/score", json=body).status_code == 200 or None, pause=0.1)
        assert server.ask("ride-0")


def test_what_is_too_much_is_told_to_come_again_and_then_all_is_as_before(home: Settings) -> None:
    served.routed(home, served.packaged(home))
    served.shelved(home)
    statuses: list[tuple[int, str | None]] = []
    done, many = threading.Event(), {"entities": ["ride-0"] * 3000}

    def keep_asking(port: int) -> None:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
            while not done.is_set():
                replied = client.post("/score", json=many)
                statuses.append((replied.status_code, replied.headers.get("retry-after")))

    with served.running(home, waiting=2) as server:
        asking = [threading.Thread(target=keep_asking, args=[server.port]) for _ in range(24)]
        for each in asking:
            each.start()
        time.sleep(2)
        done.set()
        for each in asking:
            each.join()
        assert {(200, None), (503, "1")} == set(statuses)
        assert all(server.client.post("/score", json={"entities": ["ride-0"]}).status_code == 200 for _ in range(20))
