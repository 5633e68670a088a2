"""Fast routes, for thousands of requests per second: FastAPI documents them, and a table of paths dispatches them."""

import inspect
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute

from include.serving.gateway import Gateway, Receive, Scope, Send
from include.serving.protocols import Protocol


class Endpoint:
    """An ASGI application that answers in one protocol. To FastAPI it looks like a function without parameters."""

    __signature__ = inspect.Signature()

    def __init__(self, gateway: Gateway, protocol: Protocol) -> None:
        self.gateway, self.protocol = gateway, protocol
        self.__name__ = protocol.name

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.gateway.answer(self.protocol, scope, receive, send)


class LivenessEndpoint:
    """An ASGI application that reports that the process is alive; it measures the server's cost without a model."""

    __signature__ = inspect.Signature()
    __name__ = "alive"
    _body = b'{"live":true}'

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(self._body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": self._body})


class FastRouter:
    """Dispatch requests for fast routes to their endpoints, without FastAPI's overhead, and all others to FastAPI.

    HEAD is answered as GET, without the body.
    """

    def __init__(self, app: FastAPI, gateway: Gateway, names: Mapping[str, str]) -> None:
        """Register the fast routes of `app` whose path parameters are all in `names`, with these values."""
        self.app, self.gateway = app, gateway
        self._endpoints: dict[tuple[str, str], tuple[FastRoute, dict[str, str]]] = {}
        for route in app.routes:
            if (
                isinstance(route, FastRoute)
                and route.app is route.endpoint
                and route.param_convertors.keys() <= names.keys()
            ):
                path_params = {name: names[name] for name in route.param_convertors}
                for method in route.methods:
                    self._endpoints[method, route.path.format(**path_params)] = route, path_params

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "HEAD":
            scope = {**scope, "method": "GET"}  # uvicorn keeps its own, by which it sends no body
        entry = self._endpoints.get((scope["method"], scope["path"])) if scope["type"] == "http" else None
        if entry is None:
            await self.app(scope, receive, send)
        else:
            scope["path_params"] = entry[1]
            await entry[0].app(scope, receive, send)


class FastRoute(APIRoute):
    """A route that FastAPI documents and routes, but whose requests it does not parse."""

    def __init__(self, path: str, endpoint: Any, **options: Any) -> None:
        super().__init__(path, endpoint, **options)
        if isinstance(endpoint, Endpoint | LivenessEndpoint):
            self.app = endpoint
