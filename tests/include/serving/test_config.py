"""A server's limits come from the environment; the platforms' own variables go before ours."""

from pathlib import Path

import pytest

from include.serving import config
from ml.errors import SetupError


@pytest.mark.parametrize(
    ("environment", "field", "expected"),
    [
        pytest.param({}, "port", 8000, id="nothing set"),
        pytest.param({"RATCHET_SERVING_PORT": "9000"}, "port", 9000, id="our own"),
        pytest.param({"PORT": "8080", "RATCHET_SERVING_PORT": "9000"}, "port", 8080, id="Cloud Run's port"),
        pytest.param({"AIP_HTTP_PORT": "8081", "PORT": "8080"}, "port", 8081, id="Vertex AI's port"),
        pytest.param({"AIP_PREDICT_ROUTE": "/p"}, "predict_route", "/p", id="Vertex AI's route"),
        pytest.param({"AIP_HEALTH_ROUTE": "/h"}, "health_route", "/h", id="Vertex AI's health"),
        pytest.param({"RATCHET_SERVING_BODY_SECONDS": "0.5"}, "body_seconds", 0.5, id="a share of a second"),
        pytest.param({"RATCHET_SERVING_TOKEN": "t", "RATCHET_SERVING_TOKEN_FOR_ALL": "on"}, "token_for_all", True, id="a switch"),
        pytest.param({"RATCHET_SERVING_HOST": ""}, "host", "127.0.0.1", id="set to nothing"),
    ],
)  # fmt: skip
def test_each_has_a_variable(environment: dict[str, str], field: str, expected: object) -> None:
    assert getattr(config.load(environment), field) == expected


@pytest.mark.parametrize(
    ("environment", "reported"),
    [
        pytest.param({"PORT": "http"}, "PORT to be a whole number above 0, got 'http'", id="no number"),
        pytest.param({"PORT": "\u0668\u0660"}, "PORT to be a whole number above 0", id="other digits"),
        pytest.param({"PORT": "9" * 5000}, "PORT to be a whole number above 0, got '9{100}'$", id="too many digits"),
        pytest.param({"RATCHET_SERVING_BODY_SECONDS": "nan"}, "a number of seconds above 0, got 'nan'", id="NaN"),
        pytest.param({"RATCHET_SERVING_ROWS": "0"}, "RATCHET_SERVING_ROWS to be a whole number above 0", id="nothing"),
        pytest.param(
            {"RATCHET_SERVING_ANSWER_SECONDS": "soon"}, "a number of seconds above 0, got 'soon'", id="no time"
        ),
        pytest.param({"RATCHET_SERVING_TOKEN_FOR_ALL": "maybe"}, "on or off, got 'maybe'", id="no switch"),
        pytest.param({"RATCHET_SERVING_TOKEN_FOR_ALL": "on"}, "TOKEN is empty: set one", id="a token that is none"),
        pytest.param(
            {"RATCHET_SERVING_TOKEN_FILE": "/nowhere"},
            "the file named by RATCHET_SERVING_TOKEN_FILE",
            id="no such file",
        ),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(environment: dict[str, str], reported: str) -> None:
    with pytest.raises(SetupError, match=reported):
        config.load(environment)


def test_a_token_that_is_no_text_is_refused_without_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "token").write_bytes(b"\xffsecret")
    with pytest.raises(SetupError, match="by RATCHET_SERVING_TOKEN_FILE, but: .*token' is not UTF-8 text") as refused:
        config.load({"RATCHET_SERVING_TOKEN_FILE": str(tmp_path / "token")})
    assert "secret" not in str(refused.value)


def test_a_token_may_stand_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("secret\n")
    assert config.load({"RATCHET_SERVING_TOKEN_FILE": str(tmp_path / "token")}).token == "secret"
