"""Feast, kept to what it is good at: which features there are, under which version, and their newest values online.

Importing it takes seconds of CPU, so it is imported where it is used; `Service` alone does without.
"""

from include.stores.feature_store.definitions import recall, remember
from include.stores.feature_store.materialization import materialize
from include.stores.feature_store.registry import applied, apply, require
from include.stores.feature_store.retrieval import historical, online
from include.stores.feature_store.services import Service

__all__ = ["Service", "applied", "apply", "historical", "materialize", "online", "recall", "remember", "require"]
