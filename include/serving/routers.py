"""Routes other than scoring: readiness, metadata of the model, metrics, and control."""

from typing import Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse

from include.serving import openapi
from include.serving.config import ServingConfig
from include.serving.gateway import Gateway, StatusError
from include.serving.horizons import Horizons, ServedModel
from include.serving.model_pool import ModelPool
from ml.errors import UnknownEntityError
from ml.features import snapshots


def health(horizons: Horizons, config: ServingConfig) -> APIRouter:
    """Return the health routes by which platforms decide whether to send requests."""
    router = APIRouter(tags=["health"])

    @router.get("/")
    def alive() -> dict[str, str]:
        """Report that the process is alive, as clients of KServe's first protocol ask for it."""
        return {"status": "alive"}

    def ready() -> JSONResponse:
        """Report the champion, its features' night, each horizon, and the faults of the last refresh; 503 without one."""
        pool = horizons.main.pool
        if not pool.ready:
            return JSONResponse({"ready": False, "faults": horizons.faults}, 503)
        serving = pool.serving
        snapshot = serving.champion.snapshot_store.served
        payload = {
            "ready": True,
            "package": serving.champion.digest,
            "features_of": str(snapshot.facts.get("night")) if snapshot else None,
            "faults": horizons.faults,
        }
        if horizons.are_several or horizons.main.is_live:
            payload["horizons"] = {each.name: _describe(each) for each in horizons}
        return JSONResponse(payload)

    for path in dict.fromkeys(("/readyz", "/ping", "/health", "/v2/health/ready", config.health_route or "/readyz")):
        router.get(path, responses={503: {"description": "no model is loaded yet"}})(ready)
    return router


def models(horizons: Horizons, gateway: Gateway) -> APIRouter:
    """Return the metadata routes of KServe's two protocols."""
    router = APIRouter(
        tags=["models"], dependencies=[Depends(_token_dependency(gateway))], responses=openapi.errors(401, 404, 503)
    )

    @router.get("/v2")
    def server() -> dict[str, object]:
        """Return the name of the server and its extensions of the protocol."""
        return {"name": "ratchet", "version": "1", "extensions": ["binary_tensor_data"]}

    @router.get("/v1/models")
    @router.get("/v2/models")
    def list_models() -> dict[str, object]:
        """List the models that are ready, by name."""
        return {"models": [each.name for each in horizons if each.pool.ready]}

    @router.get("/v2/models/{name}")
    @router.get("/v2/models/{name}/versions/{version}")
    def model(name: str, version: str | None = None) -> dict[str, object]:
        """Describe the inputs and the output of the model."""
        champion = check_model(name, version).serving.champion
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
        """Report that the model is ready."""
        check_model(name, version)
        return {"name": name, "ready": True}

    def check_model(name: str, version: str | None) -> ModelPool:
        try:
            pool = horizons.get(name).pool
        except UnknownEntityError as error:
            raise StatusError(404, str(error)) from None
        if not pool.ready:
            raise StatusError(503, "; ".join(pool.faults) or "no model is loaded yet")
        if version not in (None, *pool.serving.loaded):
            raise StatusError(404, f"expected the model {pool.use_case!r}, version {pool.serving.champion.digest}")
        return pool

    return router


def control(horizons: Horizons, gateway: Gateway) -> APIRouter:
    """Return the routes for operators: metrics, and control, which always needs the token."""
    router = APIRouter(tags=["operation"])

    @router.get(
        "/metrics",
        dependencies=[Depends(_token_dependency(gateway))],
        responses=openapi.errors(401),
        response_class=PlainTextResponse,
    )
    def page() -> Response:
        """Return the metrics in Prometheus' text format."""
        return Response(horizons.render_metrics(), media_type="text/plain; version=0.0.4; charset=utf-8")

    control_router = APIRouter(
        prefix="/control",
        dependencies=[Depends(_token_dependency(gateway, control=True))],
        responses=openapi.errors(401, 403),
    )

    @control_router.get("/state")
    def state() -> dict[str, object]:
        """Report the routing, the loaded packages, and the faults of the last refresh."""
        states = {each.name: _state(each.pool) for each in horizons}
        return states[horizons.main.name] | ({"horizons": states} if horizons.are_several else {})

    @control_router.post("/refresh")
    def refresh() -> dict[str, object]:
        """Load a newer routing, packages and snapshots now, including those that failed to load before."""
        return {"faults": horizons.refresh(retry=True)}

    router.include_router(control_router)
    return router


def _describe(model: ServedModel) -> dict[str, object]:
    """Return the champion of a model, the snapshot that it looks entities up in, and whether that is too old."""
    if not model.pool.ready:
        return {"ready": False, "faults": list(model.pool.faults)}
    champion, live = model.pool.serving.champion, model.live_snapshot
    served = champion.snapshot_store.served
    described: dict[str, object] = {"ready": True, "package": champion.digest}
    described["features_of"] = str(served.facts.get(snapshots.AS_OF, served.facts.get("night"))) if served else None
    if live is not None:
        described |= {"age_seconds": round(live.age_seconds, 1), "too_old": live.is_too_old}
    return described | {"faults": list(model.pool.faults)}


def _state(pool: ModelPool) -> dict[str, object]:
    serving = pool.serving if pool.ready else None
    return {
        "routing": serving.routing.to_json() if serving else None,
        "loaded": list(serving.loaded) if serving else [],
        "faults": list(pool.faults),
    }


def _token_dependency(gateway: Gateway, *, control: bool = False) -> Any:
    def check(request: Request) -> None:
        headers = {name: value.decode("latin-1") for name, value in request.scope["headers"]}
        gateway.check_token(headers, control=control)

    return check
