"""What Airflow loads of us by itself: the board, a page in its UI, who keeps the time of tasks, from when a run is late.

Every process of Airflow loads its plugins, each task among them, and only the API server shows pages: the board is
imported with the first request for it.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from functools import cache
from typing import Any

from airflow.plugins_manager import AirflowPlugin

from ratchet import timekeeper
from ratchet.lateness import RunCreated

PREFIX = "/ratchet"
Message = MutableMapping[str, Any]


async def page(
    scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
) -> None:
    """Answer one request for a page."""
    board = await asyncio.to_thread(_board)  # the first import takes seconds, in which others are answered
    await board(scope, receive, send)


@cache
def _board() -> Any:
    from ratchet import board

    return board.create_app()


class RatchetPlugin(AirflowPlugin):
    """The board, under Airflow's own address and in its navigation; a listener to tasks, a reference for deadlines."""

    name = "ratchet"
    listeners = [timekeeper]  # noqa: RUF012 - Airflow's own form
    deadline_references = [RunCreated]  # noqa: RUF012 - the same
    fastapi_apps = [{"app": page, "url_prefix": PREFIX, "name": "Ratchet"}]  # noqa: RUF012 - Airflow's own form
    external_views = [  # noqa: RUF012 - the same
        {"name": "Ratchet", "href": f"{PREFIX}/", "destination": "nav", "category": "browse", "url_route": "ratchet"}
    ]
