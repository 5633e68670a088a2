"""The model server: one FastAPI application with all protocols, at the routes that each platform expects."""

import asyncio
import gc
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from copy import deepcopy
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from fastapi_offline import FastAPIOffline
from starlette.exceptions import HTTPException

from include import backoff
from include.serving import openapi, routers
from include.serving.config import ServingConfig
from include.serving.fast_routes import Endpoint, FastRoute, FastRouter, LivenessEndpoint
from include.serving.gateway import Gateway, StatusError
from include.serving.horizons import Horizons
from include.serving.protocols import DATAFRAMES, EXPLAINED, INSTANCES, NATIVE, TENSORS
from include.settings import Settings


def create(use_case: str, settings: Settings, config: ServingConfig) -> FastRouter:
    """Return the server of `use_case` at all its horizons, or of the model of one horizon, by its name.

    It follows their routings, and looks up entities in their snapshots. Raises SetupError when there is no room for a
    prediction log.
    """
    horizons = Horizons(use_case, settings, config)
    gateway = Gateway(horizons, config)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await _refresh(horizons)
        gc.collect()
        gc.freeze()  # models stay loaded, so garbage collections during requests need not scan them
        refresh_task = asyncio.create_task(_refresh_periodically(horizons, config.refresh_seconds))
        yield
        refresh_task.cancel()
        with suppress(asyncio.CancelledError):
            await refresh_task
        for each in (gateway, horizons):
            await asyncio.to_thread(each.close)

    app: FastAPI = FastAPIOffline(
        title=f"Ratchet: {use_case}",
        version="1",
        lifespan=lifespan,
        redoc_url=None,
        redirect_slashes=False,  # a redirect would name the host that the client sent, which may be another's
    )
    app.router.route_class = FastRoute
    _add_scoring_routes(app, gateway, config)
    app.include_router(routers.health(horizons, config))
    app.include_router(routers.models(horizons, gateway))
    app.include_router(routers.control(horizons, gateway))
    app.add_exception_handler(StatusError, _handle_status_error)
    app.add_exception_handler(HTTPException, _handle_http_exception)
    app.add_exception_handler(Exception, _handle_unexpected_error)
    app.openapi = _openapi_builder(app, horizons)  # type: ignore[method-assign]  # FastAPI's own way to change it
    return FastRouter(app, gateway, {"name": use_case, "endpoint": use_case})


async def _refresh_periodically(horizons: Horizons, seconds: float) -> None:
    failures = 0
    while True:
        await asyncio.sleep(max(seconds, backoff.delay(failures)) if failures else seconds)
        failures = 0 if await _refresh(horizons) else failures + 1


async def _refresh(horizons: Horizons) -> bool:
    """Refresh the models in a thread and return whether that was possible, as it is not without memory for a thread."""
    try:
        await asyncio.to_thread(horizons.refresh)
    except Exception as error:  # noqa: BLE001 - a server that stopped following would never get a rollback
        pool = horizons.main.pool
        pool.faults = (pool.describe("refresh", error),)
        pool.count_failure("refresh")
        return False
    return True


def _add_scoring_routes(app: FastAPI, gateway: Gateway, config: ServingConfig) -> None:
    """Add the scoring routes of all protocols; Vertex AI sets the path of its own."""
    routes = {
        "/score": NATIVE,
        "/invocations": DATAFRAMES,
        "/endpoints/{endpoint}/invocations": DATAFRAMES,
        config.predict_route or "/predict": INSTANCES,
        "/v1/models/{name}:predict": INSTANCES,
        "/v1/models/{name}:explain": EXPLAINED,
        "/v2/models/{name}/infer": TENSORS,
        "/v2/models/{name}/versions/{version}/infer": TENSORS,
    }
    for path, protocol in routes.items():
        app.add_api_route(
            path,
            Endpoint(gateway, protocol),
            methods=["POST"],
            tags=["answers"],
            summary=protocol.summary,
            responses=openapi.responses(protocol.name),
        )
    for path in ("/healthz", "/v2/health/live"):
        app.add_api_route(
            path, LivenessEndpoint(), methods=["GET"], tags=["health"], summary="Report that the process is alive."
        )


def _handle_status_error(_: Request, failure: Exception) -> Response:
    assert isinstance(failure, StatusError)
    reply = failure.reply()
    return Response(reply.body, failure.status, dict(reply.headers), reply.content_type)


def _handle_http_exception(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": error.detail}, error.status_code, error.headers)


def _handle_unexpected_error(_: Request, __: Exception) -> Response:
    return JSONResponse({"error": "this server failed to answer; its log has the reason"}, 500)


def _openapi_builder(app: FastAPI, horizons: Horizons) -> Callable[[], dict[str, Any]]:
    """Return a function that builds the OpenAPI document for the features of the present champion."""
    default_openapi = app.openapi

    def document() -> dict[str, Any]:
        schema, pool = deepcopy(default_openapi()), horizons.main.pool
        if not pool.ready:
            return schema
        champion, snapshot = pool.serving.champion, pool.serving.champion.snapshot_store.served
        example_entity = next(iter(snapshot.row_index), None) if snapshot else None
        queries: dict[str, list[dict[str, Any]]] = {}
        horizon_names = [each.horizon for each in horizons]
        for route in app.routes:
            if isinstance(route, FastRoute) and isinstance(route.endpoint, Endpoint):
                protocol = route.endpoint.protocol.name
                operation = schema["paths"][route.path]["post"]
                operation["requestBody"] = openapi.body(protocol, champion.input_schema, example_entity, horizon_names)
                queries[route.path] = openapi.query_parameters(protocol, horizon_names)
        models = [each.name for each in horizons]
        names = {"name": models, "endpoint": models, "version": [champion.digest]}
        for path, methods in schema["paths"].items():
            for each in methods.values():
                each["parameters"] = [
                    {"name": name, "in": "path", "required": True, "schema": {"type": "string", "enum": values}}
                    for name, values in names.items()
                    if f"{{{name}}}" in path
                ] + queries.get(path, [])
        return schema

    return document
