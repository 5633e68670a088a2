"""What the feature store is told of one horizon of a use case."""

from collections.abc import Mapping
from dataclasses import dataclass, field

_SHORT = 12


@dataclass(frozen=True, kw_only=True, slots=True)
class Service:
    """A list of features under a version; `source` is the Delta table that has them, `types` number or text.

    `digests` say what each feature means (`ml.features.fingerprints`).
    """

    use_case: str
    view: str
    version: str
    source: str
    types: Mapping[str, str]
    digests: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The feature service's name, e.g. `entities_1f8a03b2c4d5`: what a model pins."""
        return service_name(self.view, self.version)


def service_name(view: str, version: str) -> str:
    """Return the name of the feature service of that view and version."""
    return f"{view}_{version[:_SHORT]}"
