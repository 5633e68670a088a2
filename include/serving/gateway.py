"""Handle one request: check its token and size, bound its time, and turn each failure into a status and a message."""

import asyncio
import logging
import re
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from include.serving import content_coding, explanations
from include.serving.config import ServingConfig
from include.serving.content_coding import CodingError, TooLargeError
from include.serving.handler import Prediction, RequestHandler, ScoreRequest
from include.serving.metrics import Metrics
from include.serving.model_pool import ModelPool
from include.serving.protocols import Protocol, ProtocolRequest, Reply
from include.serving.protocols.codec import JSON, MediaError
from include.serving.protocols.tensors import HEADER
from ml.errors import RatchetError, ScoreRequestError, SetupError, SnapshotError, UnknownEntityError
from ml.scoring.request_schema import truncate

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_REQUEST_ID, _JSON_BYTES = b"x-request-id", HEADER.lower().encode()
_ATTRIBUTES, _ENABLE = b"x-amzn-sagemaker-custom-attributes", b"x-amzn-sagemaker-enable-explanations"
_ATTRIBUTE = re.compile(r"([^;,=]+)=([^;,]*)")
_EXPLAIN_WORD = re.compile(rf"\b{explanations.NAME}\b", re.IGNORECASE)
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
    (MediaError, 415),
    (CodingError, 415),
    (TooLargeError, 413),
    (ScoreRequestError, 422),
    (SetupError, 503),
    (SnapshotError, 503),
)


class Gateway:
    """Passes requests to the handler, and rejects them when too many are waiting.

    `active_requests` must return how many requests the server has accepted, including those that are still waiting.
    """

    def __init__(self, handler: RequestHandler, pool: ModelPool, metrics: Metrics, config: ServingConfig) -> None:
        self._handler, self._pool, self._metrics, self._config = handler, pool, metrics, config
        self._process, self._count = secrets.token_hex(6), count(1)
        self._reading = 0
        self.active_requests: Callable[[], int] = lambda: 0
        metrics.waiting.set_function(self._waiting_count)
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
            protocol_request = self._build_request(path, scope["query_string"], headers, body, request_id)
            decoded = protocol.read(protocol_request)
            score_request = ScoreRequest.from_rows(
                decoded.rows,
                request_id=request_id,
                client_id=_client_id(headers),
                protocol=protocol.name,
                started=started,
                package=path.get("version"),
                explain=decoded.explain,
            )
            return protocol.write(protocol_request, await self._score(score_request))
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

    async def _score(self, score_request: ScoreRequest) -> list[Prediction]:
        """Return the predictions; slow ones are computed in a thread, so that other requests are not blocked."""
        if not self._handler.needs_thread(score_request):
            return self._handler.answer(score_request)
        threads = self._explaining_thread if score_request.explain else self._threads
        running = asyncio.get_running_loop().run_in_executor(threads, self._handler.answer, score_request)
        async with asyncio.timeout(self._config.answer_seconds):
            return await asyncio.shield(running)

    def _build_request(
        self, path: Mapping[str, str], query: bytes, headers: Mapping[bytes, str], body: bytes, request_id: str
    ) -> ProtocolRequest:
        champion = self._pool.serving.champion
        if path.get("name", self._pool.use_case) != self._pool.use_case:
            raise UnknownEntityError(f"expected the model {self._pool.use_case!r}, got {path['name'][:60]!r}")
        given = headers.get(_JSON_BYTES)
        json_bytes = None if given is None else _parse_count(given)
        if given is not None and json_bytes is None:
            raise ScoreRequestError(f"{HEADER}: expected a number of bytes, got {given[:20]!r}")
        media_type, _, options = headers.get(b"content-type", JSON).partition(";")
        limit, charset = self._config.body_bytes, _charset(options)
        decoded = content_coding.decompress(body, headers.get(b"content-encoding", ""), limit)
        return ProtocolRequest(
            request_id=request_id,
            body=decoded if json_bytes is not None else content_coding.to_utf8(decoded, charset, limit),
            model=self._pool.use_case,
            package=champion.digest,
            input_schema=champion.input_schema,
            content_type=media_type.strip().lower(),
            accept=headers.get(b"accept", ""),
            json_bytes=json_bytes,
            explain=_explain_option(query, headers),
        )


def _explain_option(query: bytes, headers: Mapping[bytes, str]) -> int | None:
    """Return by how many features the address or SageMaker's header wants each score explained; None if neither does.

    Raises ScoreRequestError for other values than true, false and numbers, and when it is given twice.

    >>> _explain_option(b"explain=3", {}), _explain_option(b"", {_ATTRIBUTES: "trace=7;explain=true"})
    (3, 5)
    """
    if not query and _ATTRIBUTES not in headers and _ENABLE not in headers:
        return None
    if _ENABLE in headers:
        raise ScoreRequestError(
            "expected no EnableExplanations, which is an option of SageMaker Clarify: send "
            "CustomAttributes='explain=true', or how many features to return"
        )
    named = [*parse_qsl(query.decode("latin-1"), keep_blank_values=True), *_attributes(headers.get(_ATTRIBUTES, ""))]
    given = [value for name, value in named if name == explanations.NAME]
    if len(given) > 1:
        raise ScoreRequestError(f"expected {explanations.NAME} once, got it {len(given)} times: send one of them")
    return explanations.parse_text(given[0]) if given else None


def _attributes(text: str) -> list[tuple[str, str]]:
    """Return the names and values of SageMaker's header, "name=value" with commas or semicolons between them.

    The header may have anything, such as an id. Raises ScoreRequestError only when it has the word explain otherwise.
    """
    pairs = [(name.strip(), value.strip()) for name, value in _ATTRIBUTE.findall(text)]
    if _EXPLAIN_WORD.search(text) and explanations.NAME not in dict(pairs):
        raise ScoreRequestError(
            f"CustomAttributes: expected 'explain=true' or 'explain=3', with commas or semicolons between attributes, "
            f"got {truncate(text)}"
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
