"""Configuration of the model server: its address and limits, read once from the environment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from include import setting_values
from ml.errors import SetupError

_PREFIX = "RATCHET_SERVING_"
_TOKEN_FILE = f"{_PREFIX}TOKEN_FILE"


@dataclass(frozen=True, kw_only=True, slots=True)
class ServingConfig:
    """The configuration. A field's variable is `RATCHET_SERVING_` plus its name in upper case.

    Variables of the platforms take precedence. `body_bytes` and `rows` limit one request, `waiting` limits the requests
    that wait for an answer, `body_seconds` the time in which a client must send a request, and `answer_seconds` the
    time of an answer. Requests of more than `inline_rows` rows are scored in a thread. `explained_rows` limits a request
    that asks for explanations, which take a hundred times as long as scores. With `package`, a digest, the server
    answers with that package only, whatever the routing is. With `challenger`, an address, the challenger's answers
    come from the server there, within `challenger_seconds`. `model_folder` and `trusted_key` (a public key in PEM) are
    for a server that is started without a use case.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    predict_route: str = ""
    health_route: str = ""
    package: str = ""
    token: str = ""
    token_for_all: bool = False
    body_bytes: int = 4_000_000
    rows: int = 10_000
    inline_rows: int = 32
    explained_rows: int = 1_000
    waiting: int = 256
    body_seconds: float = 5.0
    answer_seconds: float = 10.0
    refresh_seconds: float = 0.25
    shadow_waiting: int = 2_000
    challenger: str = ""
    challenger_seconds: float = 0.5
    model_folder: str = "/opt/ml/model"
    trusted_key: str = ""


_PLATFORM_VARIABLES = {
    "port": ("AIP_HTTP_PORT", "PORT"),  # Vertex AI, Cloud Run
    "predict_route": ("AIP_PREDICT_ROUTE",),
    "health_route": ("AIP_HEALTH_ROUTE",),
}


def load(environment: Mapping[str, str] = os.environ) -> ServingConfig:
    """Return the configuration in `environment`; raises SetupError that names the variable of an invalid value.

    The token can also be in a file whose path is in `RATCHET_SERVING_TOKEN_FILE`.
    """
    given: dict[str, Any] = {}
    for field in fields(ServingConfig):
        for variable in (*_PLATFORM_VARIABLES.get(field.name, ()), f"{_PREFIX}{field.name.upper()}"):
            if environment.get(variable):
                given[field.name] = _parse(variable, environment[variable], type(field.default))
                break
    if environment.get(_TOKEN_FILE):
        given["token"] = setting_values.read_file(_TOKEN_FILE, Path(environment[_TOKEN_FILE]))
    config = ServingConfig(**given)
    if config.token_for_all and not config.token:
        raise SetupError(
            f"{_PREFIX}TOKEN_FOR_ALL requires a token of every client, but {_PREFIX}TOKEN is empty: set one"
        )
    return config


def _parse(variable: str, text: str, kind: type) -> object:
    try:
        if kind is bool:
            return {"on": True, "off": False, "true": True, "false": False}[text.lower()]
        # int and float take the digits of every script, and 1_000.
        if kind is not str and not (text.isascii() and "_" not in text):
            raise ValueError
        value = kind(text)
        if kind in (int, float) and not value > 0:
            raise ValueError
    except (ValueError, KeyError):
        wanted = {bool: "on or off", int: "a whole number above 0", float: "a number of seconds above 0"}[kind]
        raise SetupError(f"expected {variable} to be {wanted}, got {text[:100]!r}") from None
    return value
