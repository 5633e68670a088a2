"""What the feature store is told of one horizon of a use case."""

from collections.abc import Mapping
from dataclasses import dataclass

_SHORT = 12


@dataclass(frozen=True, kw_only=True, slots=True)
class Service:
    """A list of features under a version; `source` is the Delta table that has them, `types` number or text."""

    use_case: str
    view: str
    version: str
    source: str
    types: Mapping[str, str]

    @property
    def name(self) -> str:
        """The feature service's name, e.g. `entities_1f8a03b2c4d5`: what a model pins."""
        return f"{self.view}_{self.version[:_SHORT]}"
