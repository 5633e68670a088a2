"""The plugin that Airflow loads: the dashboard and its link in the UI, a task listener, a timetable, a deadline reference.

Every Airflow process loads plugins, each task's process included, but only the API server shows pages. The dashboard is
therefore imported at its first request.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from functools import cache
from typing import Any

from airflow.plugins_manager import AirflowPlugin

from ratchet import task_durations
from ratchet.lateness import RunCreated
from ratchet.night_timetable import NightTimetable

PREFIX = "/ratchet"
Message = MutableMapping[str, Any]


async def page(
    scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
) -> None:
    """Answer a request for a page of the dashboard."""
    board = await asyncio.to_thread(_board)  # the first import takes seconds; other requests must not wait for it
    await board(scope, receive, send)


@cache
def _board() -> Any:
    from ratchet import board

    return board.create_app()


class RatchetPlugin(AirflowPlugin):
    """The dashboard under Airflow's address and in its navigation, a task listener, a timetable, a deadline reference."""

    name = "ratchet"
    listeners = [task_durations]  # noqa: RUF012 - Airflow reads class attributes
    timetables = [NightTimetable]  # noqa: RUF012 - the same
    deadline_references = [RunCreated]  # noqa: RUF012 - the same
    fastapi_apps = [{"app": page, "url_prefix": PREFIX, "name": "Ratchet"}]  # noqa: RUF012 - the same
    external_views = [  # noqa: RUF012 - the same
        {"name": "Ratchet", "href": f"{PREFIX}/", "destination": "nav", "category": "browse", "url_route": "ratchet"}
    ]
