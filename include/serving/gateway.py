"""Handle one request: check its token and size, bound its time, and turn each failure into a status and a message."""

import asyncio
import logging
import re
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from msgspec.structs import replace

from include.serving import content_coding, explanations
from include.serving.config import ServingConfig
from include.serving.content_coding import CodingError, TooLargeError
from include.serving.handler import Prediction, ScoreRequest
from include.serving.horizons import Choice, Chooser, Horizons, ServedModel
from include.serving.protocols import Protocol, ProtocolRequest, Reply, codec
from include.serving.protocols.codec import JSON, MediaError
from include.serving.protocols.dataframes import ATTRIBUTES
from include.serving.protocols.tensors import HEADER
from ml.errors import (
    EventPassedError,
    RatchetError,
    ScoreRequestError,
    SetupError,
    SnapshotError,
    UnknownEntityError,
)
from ml.scoring.request_schema import truncate

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_REQUEST_ID, _JSON_BYTES = b"x-request-id", HEADER.lower().encode()
_ATTRIBUTES, _ENABLE = ATTRIBUTES.lower().encode(), b"x-amzn-sagemaker-enable-explanations"
_ATTRIBUTE = re.compile(r"([^;,=]+)=([^;,]*)")
_HORIZON_HEADER = "X-Ratchet-Horizon"
# The options that an address or SageMaker's header may have, and what one looks like there.
_OPTIONS = {explanations.NAME: "'explain=true' or 'explain=3'", codec.HORIZON: "'horizon=live'"}
_COUNT = re.compile(r"[0-9]{1,18}")
_RETRY_SECONDS, _LONGEST_ID, _THREADS = 1, 128, 2
_LOG = logging.getLogger(__name__)
_SWITCHED_OFF = (
    "control is switched off, because this server has no token, and behind a proxy every client has a local address: "
    "start it with RATCHET_SERVING_TOKEN, or with RATCHET_SERVING_TOKEN_FILE (the path of a file with the token), and "
    "send 'Authorization: Bearer ...' with that token"
)
_UNAUTHORIZED = (
    "expected 'Authorization: Bearer ...' with the token of this server, which it was started with in "
    "RATCHET_SERVING_TOKEN or in the file that RATCHET_SERVING_TOKEN_FILE names"
)


class StatusError(Exception):
    """A failed request, with the HTTP status and the message to reply with."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message

    def reply(self, request_id: str = "") -> Reply:
        """Return the reply with the message and the headers of this status."""
        headers = {"Retry-After": str(_RETRY_SECONDS)} if self.status == 503 else {}
        headers |= {"WWW-Authenticate": "Bearer"} if self.status == 401 else {}
        headers |= {"Connection": "close"} if self.status in (408, 413) else {}  # the rest of the body is not read
        payload = {"error": self.message} | ({"request_id": request_id} if request_id else {})
        return Reply(body=msgspec.json.encode(payload), headers=headers)


_STATUSES: tuple[tuple[type[RatchetError], int], ...] = (
    (UnknownEntityError, 404),
    (EventPassedError, 410),
    (MediaError, 415),
    (CodingError, 415),
    (TooLargeError, 413),
    (ScoreRequestError, 422),
    (SetupError, 503),
    (SnapshotError, 503),
)


class Gateway:
    """Passes requests to the handler of the model that answers, and rejects them when too many are waiting.

    `active_requests` must return how many requests the server has accepted, including those that are still waiting.
    """

    def __init__(self, horizons: Horizons, config: ServingConfig) -> None:
        self._horizons, self._metrics, self._config = horizons, horizons.main.metrics, config
        self._process, self._count = secrets.token_hex(6), count(1)
        self._reading = 0
        self.active_requests: Callable[[], int] = lambda: 0
        self._metrics.waiting.set_function(self._waiting_count)
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="answers")
        # A thread of their own: explanations are slow, and other answers need not wait for them.
        self._explaining_thread = ThreadPoolExecutor(1, thread_name_prefix="explanations")

    def close(self) -> None:
        """Wait for the answers in progress."""
        for each in (self._threads, self._explaining_thread):
            each.shutdown()

    async def answer(self, protocol: Protocol, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request in `protocol`, with scores or with an error."""
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        request_id, status = f"{self._process}-{next(self._count):x}", 200
        try:
            body = await self._read_body(headers, receive)
            reply = await self._handle(protocol, scope, headers, body, request_id)
        except Exception as error:  # noqa: BLE001 - whatever it is, the client gets a status and a sentence
            failure = error if isinstance(error, StatusError) else _unexpected(error, request_id)
            reply, status = failure.reply(request_id), failure.status
        self._metrics.request_counter(protocol.name, status).inc()
        await _send(send, status, reply, _client_id(headers) or request_id)

    def check_token(self, headers: Mapping[bytes, str], *, control: bool = False) -> None:
        """Raise StatusError unless the request has the required token; `control` routes always require a token."""
        if not self._config.token:
            if control:
                raise StatusError(403, _SWITCHED_OFF)
            return
        expected = f"Bearer {self._config.token}".encode()
        given = headers.get(b"authorization", "").encode("latin-1")
        if (control or self._config.token_for_all) and not secrets.compare_digest(expected, given):
            raise StatusError(401, _UNAUTHORIZED)

    async def _read_body(self, headers: Mapping[bytes, str], receive: Receive) -> bytes:
        """Return the whole body; raises StatusError when it is too large or takes too long to arrive."""
        self.check_token(headers)
        content_length = _parse_count(headers.get(b"content-length", "0"))
        if content_length is None or content_length > self._config.body_bytes:
            raise self._too_large_error(headers[b"content-length"])
        parts, size = [], 0
        self._reading += 1
        try:
            async with asyncio.timeout(self._config.body_seconds):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise StatusError(499, "the client went away")
                    part = message.get("body", b"")
                    parts.append(part)
                    size += len(part)
                    if size > self._config.body_bytes:
                        raise self._too_large_error(str(size))
                    if not message.get("more_body"):
                        return b"".join(parts)
        except TimeoutError:
            raise StatusError(
                408, f"expected the whole request within {self._config.body_seconds:g} s, got {size} bytes"
            ) from None
        finally:
            self._reading -= 1

    def _too_large_error(self, size: str) -> StatusError:
        return StatusError(
            413, f"expected at most {self._config.body_bytes} bytes, got {size[:20]}: send several requests"
        )

    async def _handle(
        self,
        protocol: Protocol,
        scope: Scope,
        headers: Mapping[bytes, str],
        body: bytes,
        request_id: str,
    ) -> Reply:
        started, path = time.perf_counter(), scope["path_params"]
        if (waiting := self._waiting_count()) > self._config.waiting:
            raise StatusError(503, f"{waiting} requests are waiting already: try again later")
        try:
            options = _read_options(scope["query_string"], headers)
            name, horizon = self._model_in(path), options.get(codec.HORIZON)
            model = self._named_model(name, horizon)
            protocol_request = self._build_request(model, name, options, headers, body, request_id)
            decoded = protocol.read(protocol_request)
            if decoded.horizon is not None:
                horizon = decoded.horizon
                model = self._named_model(name, horizon)
            score_request = ScoreRequest.from_rows(
                decoded.rows,
                request_id=request_id,
                client_id=_client_id(headers),
                protocol=protocol.name,
                started=started,
                package=path.get("version"),
                explain=decoded.explain,
            )
            predictions = await self._answer(
                score_request, model, is_named=name is not None, is_option=horizon is not None
            )
            reply = protocol.write(protocol_request, predictions)
            return _with_horizons(reply, predictions)
        except RatchetError as fault:
            status = next((status for kind, status in _STATUSES if isinstance(fault, kind)), 500)
            raise StatusError(status, str(fault)) from None
        except TimeoutError:
            raise StatusError(
                504, f"no answer within {self._config.answer_seconds:g} s: send fewer rows at a time"
            ) from None

    def _waiting_count(self) -> float:
        """Return the number of requests that wait for an answer, without those whose body is still being read."""
        return self.active_requests() - self._reading

    def _model_in(self, path: Mapping[str, str]) -> str | None:
        """Return the model that the path names; the endpoint called like the use case is the whole server."""
        endpoint = path.get("endpoint")
        return path.get("name") if endpoint in (None, self._horizons.main.name) else endpoint

    def _named_model(self, name: str | None, horizon: str | None) -> ServedModel:
        """Return the model that the option or the path names, or else the main one.

        Raises UnknownEntityError for an unknown name, and ScoreRequestError when path and option name different models.
        """
        by_path = self._horizons.main if name is None else self._horizons.get(name)
        if horizon is None:
            return by_path
        by_option = self._horizons.at(horizon)
        if by_path is not by_option and by_path is not self._horizons.main:
            raise ScoreRequestError(
                f"expected the horizon {by_path.horizon!r} of the model {by_path.name!r} that the path names, got "
                f"{horizon!r}: leave the horizon out"
            )
        return by_option

    async def _answer(
        self, request: ScoreRequest, model: ServedModel, *, is_named: bool, is_option: bool
    ) -> list[Prediction]:
        """Return the predictions of the model that the path names, or of the model chosen for each entity.

        `is_option` says that an option names the horizon of `model`, which is then chosen if it can answer.
        """
        if not (self._horizons.are_several or model.is_live):
            return await self._score(model, request)
        if not self._horizons.are_several or (is_named and not is_option):
            self._horizons.check_reached(model, request.entities)
            return _marked(await self._score(model, request), [Choice(model=model)] * len(request.rows))
        model.handler.check_size(request)  # of the whole request: each model checks its part only
        chooser = None if is_option and not model.is_live else self._horizons.chooser([model] if is_option else [])
        choices = [_choose(entity, model, chooser) for entity in request.entities]
        answers: dict[int, Prediction] = {}
        for chosen in {each.model.name: each.model for each in choices}.values():
            indexes = [index for index, each in enumerate(choices) if each.model is chosen]
            part = replace(
                request,
                rows=[request.rows[index] for index in indexes],
                entities=[request.entities[index] for index in indexes],
                positions=indexes,
            )
            answers.update(zip(indexes, await self._score(chosen, part), strict=True))
        return _marked([answers[index] for index in range(len(choices))], choices)

    async def _score(self, model: ServedModel, score_request: ScoreRequest) -> list[Prediction]:
        """Return the predictions; slow ones are computed in a thread, so that other requests are not blocked."""
        if not model.handler.needs_thread(score_request):
            return model.handler.answer(score_request)
        threads = self._explaining_thread if score_request.explain else self._threads
        running = asyncio.get_running_loop().run_in_executor(threads, model.handler.answer, score_request)
        async with asyncio.timeout(self._config.answer_seconds):
            return await asyncio.shield(running)

    def _build_request(
        self,
        model: ServedModel,
        name: str | None,
        options: Mapping[str, str],
        headers: Mapping[bytes, str],
        body: bytes,
        request_id: str,
    ) -> ProtocolRequest:
        champion = model.pool.serving.champion
        given = headers.get(_JSON_BYTES)
        json_bytes = None if given is None else _parse_count(given)
        if given is not None and json_bytes is None:
            raise ScoreRequestError(f"{HEADER}: expected a number of bytes, got {given[:20]!r}")
        media_type, _, media_options = headers.get(b"content-type", JSON).partition(";")
        limit, charset = self._config.body_bytes, _charset(media_options)
        decoded = content_coding.decompress(body, headers.get(b"content-encoding", ""), limit)
        return ProtocolRequest(
            request_id=request_id,
            body=decoded if json_bytes is not None else content_coding.to_utf8(decoded, charset, limit),
            model=name or model.name,
            input_schema=champion.input_schema,
            schema_of=lambda horizon: self._named_model(name, horizon).pool.serving.champion.input_schema,
            content_type=media_type.strip().lower(),
            accept=headers.get(b"accept", ""),
            json_bytes=json_bytes,
            explain=explanations.parse_text(options[explanations.NAME]) if explanations.NAME in options else None,
        )


def _read_options(query: bytes, headers: Mapping[bytes, str]) -> dict[str, str]:
    """Return the options (`explain`, `horizon`) that are in the address or in SageMaker's header.

    Raises ScoreRequestError when one is given twice.

    >>> _read_options(b"explain=3", {}), _read_options(b"", {_ATTRIBUTES: "trace=7;horizon=live"})
    ({'explain': '3'}, {'horizon': 'live'})
    """
    if not query and _ATTRIBUTES not in headers and _ENABLE not in headers:
        return {}
    if _ENABLE in headers:
        raise ScoreRequestError(
            "expected no EnableExplanations, which is an option of SageMaker Clarify: send "
            "CustomAttributes='explain=true', or how many features to return"
        )
    named = [*parse_qsl(query.decode("latin-1"), keep_blank_values=True), *_attributes(headers.get(_ATTRIBUTES, ""))]
    options: dict[str, str] = {}
    for option in _OPTIONS:
        given = [value for name, value in named if name == option]
        if len(given) > 1:
            raise ScoreRequestError(f"expected {option} once, got it {len(given)} times: send one of them")
        options |= {option: given[0]} if given else {}
    return options


def _choose(entity: str | None, model: ServedModel, chooser: Chooser | None) -> Choice:
    """Return the choice for one row: `model` for a row without an entity, and if there is no choice to make."""
    return Choice(model=model) if entity is None or chooser is None else chooser.choose(entity)


def _marked(predictions: Sequence[Prediction], choices: Sequence[Choice]) -> list[Prediction]:
    """Return the predictions with the horizon of the model that was chosen for each, and the reason."""
    return [
        replace(each, horizon=choice.model.horizon, horizon_reason=choice.reason)
        for each, choice in zip(predictions, choices, strict=True)
    ]


def _with_horizons(reply: Reply, predictions: Sequence[Prediction]) -> Reply:
    """Return the reply with a header that names the horizons of its predictions, for protocols that cannot."""
    horizons = codec.horizons_of(predictions)
    return replace(reply, headers={**reply.headers, _HORIZON_HEADER: ", ".join(horizons)}) if horizons else reply


def _attributes(text: str) -> list[tuple[str, str]]:
    """Return the names and values of SageMaker's header, "name=value" with commas or semicolons between them.

    The header may have anything, such as an id. Raises ScoreRequestError only when it has the name of an option otherwise.
    """
    pairs = [(name.strip(), value.strip()) for name, value in _ATTRIBUTE.findall(text)]
    for option, example in _OPTIONS.items():
        if option not in dict(pairs) and re.search(rf"\b{option}\b", text, re.IGNORECASE):
            raise ScoreRequestError(
                f"CustomAttributes: expected {example}, with commas or semicolons between attributes, got {truncate(text)}"
            )
    return pairs


def _parse_count(text: str) -> int | None:
    """Return the whole number in a header; None unless it is 1 to 18 ASCII digits.

    >>> _parse_count("42"), _parse_count("-1"), _parse_count("9" * 5000)
    (42, None, None)
    """
    return int(text) if _COUNT.fullmatch(text) else None


def _charset(options: str) -> str:
    """Return the charset among the options of a content type; an empty text if there is none.

    >>> _charset(' boundary=x; Charset="UTF-16"')
    'UTF-16'
    """
    names = (each.partition("=") for each in options.split(";"))
    return next((value.strip(' \t"') for name, _, value in names if name.strip().lower() == "charset"), "")


def _unexpected(error: Exception, request_id: str) -> StatusError:
    _LOG.error("the request %s could not be answered", request_id, exc_info=error)
    return StatusError(500, "this server failed to answer; its log has the reason")


def _client_id(headers: Mapping[bytes, str]) -> str | None:
    """Return the request id that the client sent, if it is printable ASCII of at most 128 characters."""
    given = headers.get(_REQUEST_ID, "")
    return given if given and len(given) <= _LONGEST_ID and given.isascii() and given.isprintable() else None


async def _send(send: Send, status: int, reply: Reply, request_id: str) -> None:
    """Send the reply; the header `X-Request-Id` is `request_id`."""
    headers = [
        (b"content-type", reply.content_type.encode()),
        (b"content-length", str(len(reply.body)).encode()),
        *((name.lower().encode(), value.encode()) for name, value in reply.headers.items()),
        (_REQUEST_ID, request_id.encode()),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body})
