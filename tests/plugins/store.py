"""Airflow's store of an asset's state, which outlives the triggerer, as a sensor is given it."""

from typing import Any


class Store:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.kept: dict[str, Any] = {}

    async def aget(self, key: str, default: Any = None) -> Any:
        return self.kept.get(key, default)

    async def aset(self, key: str, value: Any) -> None:
        self.kept[key] = value
