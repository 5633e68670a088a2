"""The page of the DAGs: the docstring of each DAG file, which is its manual."""

import ast
from pathlib import Path

from include.cli.docs import markdown


def page(folder: Path) -> str:
    """Return the manuals of the DAG files in `folder` as one page."""
    manuals = [ast.get_docstring(ast.parse(path.read_text())) or "" for path in sorted(folder.glob("*.py"))]
    return markdown.page(
        "The DAGs",
        markdown.paragraph(
            "What each DAG is for, what starts it, what it leaves, and what to do when it is red. Generated from the"
            " docstrings of `dags/*.py` by `make docs`. Each DAG exists once for each use case, as `<use case>_<name>`;"
            " `import_errors.py` makes no DAG."
        ),
        *(markdown.docstring(manual.replace("# ", "## ", 1)) for manual in manuals if manual),
    )
