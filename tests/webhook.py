"""A real webhook that collects the messages sent to it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests import listener
from tests.listener import ReceivedRequest, Reply


@dataclass
class Hook:
    """The Apprise URL to send to, and the messages received, as JSON."""

    url: str = ""
    messages: list[dict[str, str]] = field(default_factory=list)


@contextmanager
def listening() -> Iterator[Hook]:
    """Receive messages on a free port until the block ends."""
    hook = Hook()

    def collect(request: ReceivedRequest) -> Reply:
        hook.messages.append(json.loads(request.body))
        return 204, b""

    with listener.listening(collect) as address:
        hook.url = f"{address.replace('http', 'json', 1)}/hook"
        yield hook
