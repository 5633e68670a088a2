"""Digests of a use case's tables, scores and package: the same nights give the same digests in every installation.

`python -m tests.stack.digests USE_CASE` prints the digests of this environment's home.
"""

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from include import usecases
from include.settings import Settings, load_settings
from include.steps.context import StepContext
from include.steps.features import table_versions
from include.stores import lake, ledger, warehouse
from ml.scoring import manifest
from ml.usecase import UseCase

_SHORT = 16


def gather(case: UseCase, settings: Settings) -> dict[str, str]:
    """Return the digests of every table in the lake, of the scores, and of the champion's package, by name.

    The order of rows and columns does not matter. Raises LedgerError when the ledger's chain is broken.
    """
    engine = warehouse.engine(settings.warehouse_url)
    ledger.verify(engine)
    champion = ledger.champion(engine, case.name)
    digests = {
        name: digest(lake.read(uri))
        for name, uri in sorted(table_versions.tables(StepContext(case=case, settings=settings)).items())
    }
    digests["scores"] = digest(warehouse.latest_scores(engine, case.name))
    digests["package"] = "" if champion is None else champion.subject[:_SHORT]
    return digests


def digest(frame: pd.DataFrame) -> str:
    """Return the number of rows and a digest of them; the order of rows and columns does not matter."""
    names = sorted(frame.columns)
    rows = pd.util.hash_pandas_object(frame[names], index=False, categorize=True).to_numpy()
    return f"{len(frame)} {manifest.sha256(repr(names).encode() + np.sort(rows).tobytes())[:_SHORT]}"


def main(use_case: str, file: str = "") -> None:
    """Print the digests of a use case, or write them to `file`."""
    text = json.dumps(gather(usecases.get(use_case), load_settings()), indent=1)
    if file:
        Path(file).write_text(text)
    else:
        print(text)  # noqa: T201 - the program's output


if __name__ == "__main__":
    main(*sys.argv[1:])
