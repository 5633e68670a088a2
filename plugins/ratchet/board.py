"""The board behind Airflow's login: who may read every DAG may read every page, and nobody else."""

from datetime import UTC, datetime

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.responses import HTMLResponse, Response

from include.dashboard import pages
from include.settings import load_settings
from ml.errors import RatchetError, RequestError

_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; img-src 'self'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'self'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}


def require_reader(user: GetUserDep) -> None:
    """Let only those on who are logged in (401) and may read DAGs (403): Airflow's viewers and up."""
    if not get_auth_manager().is_authorized_dag(method="GET", user=user):
        raise HTTPException(403, "Forbidden")


def create_app() -> FastAPI:
    """Return the board's pages, each behind the login; no route of FastAPI's own is open beside them."""
    application = FastAPI(
        title="Ratchet", dependencies=[Depends(require_reader)], openapi_url=None, docs_url=None, redoc_url=None
    )
    application.get("/", response_class=HTMLResponse)(overview)
    application.get("/use-cases/{name}", response_class=HTMLResponse)(use_case)
    application.get("/use-cases/{name}/replays/{backtest}/{picture}.svg", response_class=Response)(backtest_picture)
    application.get("/ledger", response_class=HTMLResponse)(ledger)
    application.exception_handler(RatchetError)(error_page)
    return application


def overview(request: Request) -> HTMLResponse:
    """Show every use case."""
    return _page(pages.index(load_settings(), datetime.now(UTC), _root(request)))


def use_case(request: Request, name: str) -> HTMLResponse:
    """Show one use case."""
    return _page(pages.use_case(load_settings(), name, datetime.now(UTC), _root(request)))


def backtest_picture(name: str, backtest: str, picture: str) -> Response:
    """Show a picture of a replay."""
    return Response(pages.picture(load_settings(), name, backtest, picture), 200, _HEADERS, "image/svg+xml")


def ledger(request: Request) -> HTMLResponse:
    """Show a page of the ledger, as its form asks."""
    return _page(pages.ledger(load_settings(), request.query_params, datetime.now(UTC), _root(request)))


def error_page(request: Request, error: Exception) -> HTMLResponse:
    """Say why a page cannot be shown: asked for wrongly (404), or not there yet (503)."""
    return _page(pages.error_page(str(error), _root(request)), 404 if isinstance(error, RequestError) else 503)


def _page(html: str, status: int = 200) -> HTMLResponse:
    return HTMLResponse(html, status, _HEADERS)


def _root(request: Request) -> str:
    return str(request.scope.get("root_path", ""))
