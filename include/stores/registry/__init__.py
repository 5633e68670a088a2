"""MLflow as a registry: trainings as runs, packages as model versions. It follows the ledger and decides nothing."""

from include.stores.registry.client import prepare
from include.stores.registry.runs import log_training, read_run_file
from include.stores.registry.versions import aliased_digests, predict, register, sync_with_ledger

__all__ = ["aliased_digests", "log_training", "predict", "prepare", "read_run_file", "register", "sync_with_ledger"]
