"""A real address that messages are sent to, and what was heard there."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests import listener
from tests.listener import Heard, Reply


@dataclass
class Hook:
    """Where to send to (an Apprise URL), and each message that came, as JSON."""

    url: str = ""
    heard: list[dict[str, str]] = field(default_factory=list)


@contextmanager
def listening() -> Iterator[Hook]:
    """Listen on a free port until the end of the `with`."""
    hook = Hook()

    def hear(message: Heard) -> Reply:
        hook.heard.append(json.loads(message.body))
        return 204, b""

    with listener.listening(hear) as address:
        hook.url = f"{address.replace('http', 'json', 1)}/hook"
        yield hook
