"""Score the rows of a file. Prints one score per line for CSV, and `{"predictions": [...]}` for JSON."""

import argparse
import json
import sys
from pathlib import Path

from include.export_runtime.scorer import PackageError, Scorer, ScoreRequestError, load
from ml.scoring.request_schema import rows_from_csv, rows_from_json


def main(argv: list[str]) -> int:
    """Print the scores of a file's rows and return 0, or print the error and return 1."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", type=Path, help="a .csv, or a .json that is a list of objects")
    path = parser.parse_args(argv).rows
    try:
        sys.stdout.write(_format_scores(load(), path.name.endswith(".csv"), path.read_bytes()))
    except (OSError, PackageError, ScoreRequestError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _format_scores(model: Scorer, is_table: bool, body: bytes) -> str:
    if is_table:
        return "".join(f"{score!r}\n" for score in model.score(rows_from_csv(body, model.request_schema)))
    return json.dumps({"predictions": model.score(rows_from_json(body))}) + "\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
