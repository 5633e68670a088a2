"""The model server: one FastAPI application that speaks every protocol, at the routes that each platform knows."""

import asyncio
import gc
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from copy import deepcopy
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from fastapi_offline import FastAPIOffline
from starlette.exceptions import HTTPException

from include.serving import openapi, routers
from include.serving.config import Limits
from include.serving.fast_routes import Alive, Direct, Endpoint, Front
from include.serving.gateway import Gateway, StatusError
from include.serving.handler import Answering
from include.serving.metrics import Metrics
from include.serving.model_pool import Fleet
from include.serving.protocols import DATAFRAMES, INSTANCES, NATIVE, TENSORS
from include.settings import Settings
from include.stores.request_log import Journal


def create(use_case: str, shelf: Path, settings: Settings, limits: Limits) -> Front:
    """Return the server of `use_case`, which looks entities up on `shelf` and follows what is routed in `where`.

    Raises SetupError when there is no room for its journal.
    """
    fleet = Fleet(use_case, shelf, settings, limits)
    journal = Journal(settings.journal / use_case)
    metrics = Metrics(fleet, journal)
    answering = Answering(fleet, journal, metrics, limits)
    gateway = Gateway(answering, fleet, metrics, limits)

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        await asyncio.to_thread(fleet.refresh)
        gc.collect()
        gc.freeze()  # what is loaded stays: no request waits for it to be looked through again
        following = asyncio.create_task(_follow(fleet, limits.refresh_seconds))
        yield
        following.cancel()
        with suppress(asyncio.CancelledError):
            await following
        for each in (gateway, answering, journal):
            await asyncio.to_thread(each.close)

    app: FastAPI = FastAPIOffline(title=f"Ratchet: {use_case}", version="1", lifespan=life, redoc_url=None)
    app.router.route_class = Direct
    _answer(app, gateway, limits)
    app.include_router(routers.health(fleet, limits))
    app.include_router(routers.models(fleet, gateway))
    app.include_router(routers.control(fleet, metrics, gateway))
    app.add_exception_handler(StatusError, _failed)
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(Exception, _broken)
    app.openapi = _documented(app, fleet)  # type: ignore[method-assign]  # FastAPI's own way to change it
    return Front(app, gateway, {"name": use_case})


async def _follow(fleet: Fleet, seconds: float) -> None:
    while True:
        await asyncio.sleep(seconds)
        await asyncio.to_thread(fleet.refresh)


def _answer(app: FastAPI, gateway: Gateway, limits: Limits) -> None:
    """Add the routes by which is asked; Vertex AI names its own."""
    routes = {
        "/score": NATIVE,
        "/invocations": DATAFRAMES,
        "/endpoints/{name}/invocations": DATAFRAMES,
        limits.predict_route or "/predict": INSTANCES,
        "/v1/models/{name}:predict": INSTANCES,
        "/v2/models/{name}/infer": TENSORS,
        "/v2/models/{name}/versions/{version}/infer": TENSORS,
    }
    for path, protocol in routes.items():
        app.add_api_route(
            path,
            Endpoint(gateway, protocol),
            methods=["POST"],
            tags=["answers"],
            summary=protocol.told,
            responses=openapi.responses(protocol.name),
        )
    for path in ("/healthz", "/v2/health/live"):
        app.add_api_route(path, Alive(), methods=["GET"], tags=["health"], summary="Say that the process lives.")


def _failed(_: Request, failure: Exception) -> Response:
    assert isinstance(failure, StatusError)
    told = failure.reply()
    return Response(told.body, failure.status, dict(told.headers), told.content_type)


def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": error.detail}, error.status_code, error.headers)


def _broken(_: Request, __: Exception) -> Response:
    return JSONResponse({"error": "this server failed to answer; its log says why"}, 500)


def _documented(app: FastAPI, fleet: Fleet) -> Callable[[], dict[str, Any]]:
    """Return what makes the OpenAPI document, with the features of the model that answers when it is asked for."""
    plain = app.openapi

    def document() -> dict[str, Any]:
        told = deepcopy(plain())
        if not fleet.ready:
            return told
        champion, snapshot = fleet.serving.champion, fleet.serving.champion.shelf.served
        known = next(iter(snapshot.places), None) if snapshot else None
        for route in app.routes:
            if isinstance(route, Direct) and isinstance(route.endpoint, Endpoint):
                posted = told["paths"][route.path]["post"]
                posted["requestBody"] = openapi.body(route.endpoint.protocol.name, champion.taken, known)
        names = {"name": fleet.use_case, "version": champion.digest}
        for path, methods in told["paths"].items():
            for each in methods.values():
                each["parameters"] = [
                    {"name": name, "in": "path", "required": True, "schema": {"type": "string", "enum": [value]}}
                    for name, value in names.items()
                    if f"{{{name}}}" in path
                ]
        return told

    return document
