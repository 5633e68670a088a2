"""`make bench`: every figure the documents quote, measured again. Results go to bench/results as JSON, one file each."""

import json
import platform
import sys
from pathlib import Path

from bench import (
    batch,
    canary,
    contract,
    edge,
    features,
    gate,
    gate_of_numbers,
    issuing,
    lookup,
    published,
    replay,
    retrieval,
    rolling,
    scenarios,
    serving,
    training,
)

_RESULTS = Path(__file__).parent / "results"
_BENCHES = {
    "batch": batch.run,
    "canary": canary.run,
    "contract": contract.run,
    "edge": edge.run,
    "features": features.run,
    "gate": gate.run,
    "gate_of_numbers": gate_of_numbers.run,
    "issuing": issuing.run,
    "lookup": lookup.run,
    "published": published.run,
    "replay": replay.run,
    "retrieval": retrieval.run,
    "rolling": rolling.run,
    "scenarios": scenarios.run,
    "serving": serving.run,
    "training": training.run,
}


def main(names: list[str]) -> None:
    """Run the named benches, or all, and write what they measured."""
    _RESULTS.mkdir(exist_ok=True)
    for name in names or list(_BENCHES):
        measured = {"python": platform.python_version(), **_BENCHES[name]()}
        (_RESULTS / f"{name}.json").write_text(json.dumps(measured, indent=1) + "\n")


main(sys.argv[1:])
