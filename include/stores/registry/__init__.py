"""MLflow: trainings to look at, packages to load. It shows what the ledger decided; it decides nothing."""

from include.stores.registry.client import prepare
from include.stores.registry.runs import file, log_training
from include.stores.registry.versions import aliased, follow, predict, register

__all__ = ["aliased", "file", "follow", "log_training", "predict", "prepare", "register"]
