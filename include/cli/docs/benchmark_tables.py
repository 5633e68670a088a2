"""The page of the benchmarks: each figure of `bench/results` beside its bar, missed bars marked."""

from pathlib import Path

from include.cli.docs import markdown


def page(folder: Path) -> str:
    """Return the page of the results in `folder`."""
    return markdown.page("Benchmarks", f"Results of {folder.name}.")
