"""Create the stores of an installation, or migrate them to the newest schema, before anything else runs."""

from include.settings import Settings
from include.steps.context import StepContext


def prepare_stores(settings: Settings) -> None:
    """Migrate the warehouse and the registry, apply the feature definitions, and publish the routing."""
    from include import usecases
    from include.steps import release_state
    from include.steps.features import build
    from include.stores import feature_store, registry, warehouse

    warehouse.migrate(settings.warehouse_url)
    registry.prepare(settings)
    for case in usecases.all():
        feature_store.apply(settings, *build.services(StepContext(case=case, settings=settings)))
        for model in case.models:
            release_state.publish_routing(StepContext(case=model, settings=settings))
