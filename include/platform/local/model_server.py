"""The model server of the local stack: its command, its address, and why it cannot answer yet."""

import contextlib
import sys
from dataclasses import dataclass

import httpx

from include.serving import config

NAME, PORT_VARIABLE = "model-server", "RATCHET_SERVING_PORT"
_SECONDS = 10.0


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelServer:
    """The server of one use case, with one worker, at the address that the variables `RATCHET_SERVING_...` set."""

    use_case: str
    host: str
    port: int

    @property
    def address(self) -> str:
        return f"http://{self.host}:{self.port}"

    @property
    def command(self) -> list[str]:
        """The command that starts the server; it has the rest of its configuration from the environment."""
        return [sys.executable, "-m", "include.serving", self.use_case]

    def faults(self) -> list[str]:
        """Return what keeps the running server from answering, such as that there is no champion; empty once it answers."""
        with httpx.Client(timeout=_SECONDS, trust_env=False) as http, contextlib.suppress(httpx.HTTPError, ValueError):
            state = http.get(f"{self.address}/readyz").json()
            return [] if state["ready"] else list(state["faults"])
        return [f"{self.address}/readyz does not answer"]


def configure(use_case: str) -> ModelServer:
    """Return the server of `use_case` with the address in this process's environment; raises SetupError."""
    serving_config = config.load()
    return ModelServer(use_case=use_case, host=serving_config.host, port=serving_config.port)
