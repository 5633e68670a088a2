"""Scores the rows of a file from the command line: a score a line for CSV, `{"predictions": [...]}` for JSON."""

import argparse
import json
import sys
from pathlib import Path

from include.export_runtime.scorer import PackageError, QuestionError, Scorer, load
from ml.scoring.request_schema import objects, table


def main(words: list[str]) -> int:
    """Print the scores of the file that is named, and return 0; or say why there are none, and return 1."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", type=Path, help="a .csv, or a .json that is a list of objects")
    path = parser.parse_args(words).rows
    try:
        sys.stdout.write(_answered(load(), path.name.endswith(".csv"), path.read_bytes()))
    except (OSError, PackageError, QuestionError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _answered(model: Scorer, is_table: bool, body: bytes) -> str:
    if is_table:
        return "".join(f"{score!r}\n" for score in model.score(table(body, model.taken)))
    return json.dumps({"predictions": model.score(objects(body))}) + "\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
