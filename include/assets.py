"""Names and URIs of the assets that connect the DAGs. Airflow's `Asset` objects are created in `dags/`."""

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
    """Return the asset's URI, e.g. `ratchet://flights/features`."""
    return f"ratchet://{use_case}/{stage}"
