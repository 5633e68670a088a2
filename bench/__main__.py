"""`make bench`: measure every figure that the documentation quotes. Each benchmark writes bench/results/<name>.json."""

import json
import platform
import sys
from pathlib import Path

from bench import (
    backtest,
    bad_refreshes,
    batch,
    canary,
    contract,
    edge,
    evaluation_protocols,
    explanations,
    features,
    gate,
    gate_employment,
    gate_regression,
    null_years,
    online_lookup,
    publication_gate,
    recalibration,
    retrieval,
    rolling,
    rotation,
    serving,
    shadow_queue,
    training,
    trigger_scenarios,
)

_RESULTS = Path(__file__).parent / "results"
_BENCHMARKS = {
    "backtest": backtest.run,
    "bad_refreshes": bad_refreshes.run,
    "batch": batch.run,
    "canary": canary.run,
    "contract": contract.run,
    "edge": edge.run,
    "evaluation_protocols": evaluation_protocols.run,
    "explanations": explanations.run,
    "features": features.run,
    "gate": gate.run,
    "gate_employment": gate_employment.run,
    "gate_regression": gate_regression.run,
    "null_years": null_years.run,
    "online_lookup": online_lookup.run,
    "publication_gate": publication_gate.run,
    "recalibration": recalibration.run,
    "retrieval": retrieval.run,
    "rolling": rolling.run,
    "rotation": rotation.run,
    "serving": serving.run,
    "shadow_queue": shadow_queue.run,
    "training": training.run,
    "trigger_scenarios": trigger_scenarios.run,
}


def main(names: list[str]) -> None:
    """Run the named benchmarks, or all, and write their results."""
    _RESULTS.mkdir(exist_ok=True)
    for name in names or list(_BENCHMARKS):
        measured = {"python": platform.python_version(), **_BENCHMARKS[name]()}
        (_RESULTS / f"{name}.json").write_text(json.dumps(measured, indent=1) + "\n")


main(sys.argv[1:])
