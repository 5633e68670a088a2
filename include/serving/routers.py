"""What a server says of itself: whether it is ready, what its model takes, its metrics; and its control."""

from typing import Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse

from include.serving import openapi
from include.serving.config import ServingConfig
from include.serving.gateway import Gateway, StatusError
from include.serving.metrics import Metrics
from include.serving.model_pool import ModelPool


def health(pool: ModelPool, config: ServingConfig) -> APIRouter:
    """Return the routes that platforms ask whether to send requests here."""
    router = APIRouter(tags=["health"])

    def ready() -> JSONResponse:
        """Say what answers, from which night's features, and what cannot be taken now; 503 while nothing answers."""
        if not pool.ready:
            return JSONResponse({"ready": False, "faults": list(pool.faults)}, 503)
        serving = pool.serving
        snapshot = serving.champion.snapshot_store.served
        payload = {
            "ready": True,
            "package": serving.champion.digest,
            "features_of": str(snapshot.facts.get("night")) if snapshot else None,
            "faults": list(pool.faults),
        }
        return JSONResponse(payload)

    for path in dict.fromkeys(("/readyz", "/ping", "/health", "/v2/health/ready", config.health_route or "/readyz")):
        router.get(path, responses={503: {"description": "nothing to answer with yet"}})(ready)
    return router


def models(pool: ModelPool, gateway: Gateway) -> APIRouter:
    """Return the routes by which KServe's clients, of both of its protocols, find out what there is to ask."""
    router = APIRouter(
        tags=["models"], dependencies=[Depends(_token_dependency(gateway))], responses=openapi.errors(401, 404, 503)
    )

    @router.get("/v2")
    def server() -> dict[str, object]:
        """Name the server and what it can beyond the protocol."""
        return {"name": "ratchet", "version": "1", "extensions": ["binary_tensor_data"]}

    @router.get("/v2/models/{name}")
    @router.get("/v2/models/{name}/versions/{version}")
    def model(name: str, version: str | None = None) -> dict[str, object]:
        """Describe the inputs and the output of the model that answers."""
        check_model(name, version)
        champion = pool.serving.champion
        return {
            "name": name,
            "versions": [champion.digest],
            "platform": "ratchet",
            **openapi.signature(champion.input_schema),
        }

    @router.get("/v1/models/{name}")
    @router.get("/v2/models/{name}/ready")
    @router.get("/v2/models/{name}/versions/{version}/ready")
    def model_ready(name: str, version: str | None = None) -> dict[str, object]:
        """Say whether the model answers."""
        check_model(name, version)
        return {"name": name, "ready": True}

    def check_model(name: str, version: str | None) -> None:
        if not pool.ready:
            raise StatusError(503, "; ".join(pool.faults) or "nothing to answer with yet")
        if name != pool.use_case or version not in (None, *pool.serving.loaded):
            raise StatusError(404, f"expected the model {pool.use_case!r}, version {pool.serving.champion.digest}")

    return router


def control(pool: ModelPool, metrics: Metrics, gateway: Gateway) -> APIRouter:
    """Return the routes of whoever runs the server; those that move something need the token."""
    router = APIRouter(tags=["operation"])

    @router.get(
        "/metrics",
        dependencies=[Depends(_token_dependency(gateway))],
        responses=openapi.errors(401),
        response_class=PlainTextResponse,
    )
    def page() -> Response:
        """Return what Prometheus reads."""
        return Response(metrics.render(), media_type="text/plain; version=0.0.4; charset=utf-8")

    control_router = APIRouter(
        prefix="/control",
        dependencies=[Depends(_token_dependency(gateway, control=True))],
        responses=openapi.errors(401, 403),
    )

    @control_router.get("/state")
    def state() -> dict[str, object]:
        """Say what is routed, what is loaded, and what cannot be taken."""
        serving = pool.serving if pool.ready else None
        return {
            "routing": serving.routing.to_json() if serving else None,
            "loaded": list(serving.loaded) if serving else [],
            "faults": list(pool.faults),
        }

    @control_router.post("/refresh")
    def refresh() -> dict[str, object]:
        """Look for a newer routing, packages and snapshots now, also those that were refused before."""
        return {"faults": list(pool.refresh(retry=True))}

    router.include_router(control_router)
    return router


def _token_dependency(gateway: Gateway, *, control: bool = False) -> Any:
    def check(request: Request) -> None:
        headers = {name: value.decode("latin-1") for name, value in request.scope["headers"]}
        gateway.check_token(headers, control=control)

    return check
