"""Feature services: the features of one horizon of a use case, as the feature store registers them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

_SHORT = 12


@dataclass(frozen=True, kw_only=True, slots=True)
class Service:
    """A versioned list of features.

    `source` is the address of the Delta table that has them, `types` the type of each, "number" or "text", and
    `digests` the fingerprint of each (`ml.features.fingerprints`).
    """

    use_case: str
    view: str
    version: str
    source: str
    types: Mapping[str, str]
    digests: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The feature service's name, which models pin, e.g. `entities_1f8a03b2c4d5`."""
        return service_name(self.view, self.version)


def service_name(view: str, version: str) -> str:
    """Return the name of the feature service of a view and a version."""
    return f"{view}_{version[:_SHORT]}"
