"""The names by which DAGs hand over. Only names: Airflow's own `Asset` objects are made in `dags/`."""

FEATURES = "features"
SCORES = "scores"
LABELS = "labels"
LATE = "late_labels"
RETRAIN = "retrain"
CHALLENGER = "challenger"
CHAMPION = "champion"


def name(use_case: str, stage: str) -> str:
    """Return the asset's name, e.g. `flights_features`."""
    return f"{use_case}_{stage}"


def uri(use_case: str, stage: str) -> str:
    """Return the asset's address, e.g. `ratchet://flights/features`."""
    return f"ratchet://{use_case}/{stage}"
