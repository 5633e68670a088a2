"""The dashboard behind Airflow's login: users who may read DAGs may read every page, and nobody else may."""

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
    """Raise 403 unless the user may read DAGs, as Airflow's viewers and higher roles may; 401 without a login."""
    if not get_auth_manager().is_authorized_dag(method="GET", user=user):
        raise HTTPException(403, "Forbidden")


def create_app() -> FastAPI:
    """Return the application of the dashboard: every page requires the login, and FastAPI's own routes are off."""
    application = FastAPI(
        title="Ratchet", dependencies=[Depends(require_reader)], openapi_url=None, docs_url=None, redoc_url=None
    )
    application.get("/", response_class=HTMLResponse)(overview)
    application.get("/use-cases/{name}", response_class=HTMLResponse)(use_case)
    application.get("/use-cases/{name}/backtests/{backtest}/{picture}.svg", response_class=Response)(backtest_picture)
    application.get("/ledger", response_class=HTMLResponse)(ledger)
    application.exception_handler(RatchetError)(error_page)
    return application


def overview(request: Request) -> HTMLResponse:
    """Return the overview of all use cases."""
    return _page(pages.index(load_settings(), datetime.now(UTC), _root(request)))


def use_case(request: Request, name: str) -> HTMLResponse:
    """Return the page of one use case."""
    return _page(pages.use_case(load_settings(), name, datetime.now(UTC), _root(request)))


def backtest_picture(name: str, backtest: str, picture: str) -> Response:
    """Return a picture of a backtest, as SVG."""
    return Response(pages.picture(load_settings(), name, backtest, picture), 200, _HEADERS, "image/svg+xml")


def ledger(request: Request) -> HTMLResponse:
    """Return a page of the ledger, filtered by the query parameters."""
    return _page(pages.ledger(load_settings(), request.query_params, datetime.now(UTC), _root(request)))


def error_page(request: Request, error: Exception) -> HTMLResponse:
    """Return the page of an error: 404 for an invalid request, 503 if something is not available."""
    return _page(pages.error_page(str(error), _root(request)), 404 if isinstance(error, RequestError) else 503)


def _page(html: str, status: int = 200) -> HTMLResponse:
    return HTMLResponse(html, status, _HEADERS)


def _root(request: Request) -> str:
    return str(request.scope.get("root_path", ""))
