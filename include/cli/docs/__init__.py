"""The generated pages of the documentation, and the folder that the site is built from.

One module generates one page; `reference_pages` knows where each is. `site` stages all pages for the site's generator.
"""

import json
from pathlib import Path
from typing import Any

from include.settings import PROJECT

FOLDER = PROJECT / "docs"


def reference_pages(command: Any) -> dict[str, str]:
    """Return the text of every generated page that is committed, by its path under docs/.

    `command` is the command line, as Typer makes it.
    """
    from include.cli.docs import (
        alert_rules,
        benchmark_tables,
        command_line,
        dag_manuals,
        ledger_kinds,
        rest_page,
        settings_page,
        use_case_page,
        use_case_schema,
    )

    server = rest_page.describe_server()
    return {
        "reference/cli.md": command_line.page(command),
        "reference/use-case.md": use_case_page.page(),
        "reference/usecase.schema.json": json.dumps(use_case_schema.schema(), indent=1) + "\n",
        "reference/rest.md": rest_page.page(server),
        "reference/metrics.md": rest_page.metrics_page(server),
        "reference/dags.md": dag_manuals.page(PROJECT / "dags"),
        "reference/ledger.md": ledger_kinds.page(),
        "reference/alerts.md": alert_rules.page((PROJECT / "include/serving/prometheus/rules.yaml").read_text()),
        "reference/settings.md": settings_page.page(
            (PROJECT / ".env.example").read_text(), (PROJECT / "docker-compose.yml").read_text()
        ),
        "benchmarks/index.md": benchmark_tables.page(PROJECT / "bench"),
    }


def write(pages: dict[str, str], folder: Path = FOLDER) -> list[str]:
    """Write the pages that differ from their files, and return their paths."""
    changed = out_of_date(pages, folder)
    for name in changed:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(pages[name])
    return changed


def out_of_date(pages: dict[str, str], folder: Path = FOLDER) -> list[str]:
    """Return the paths of the pages that differ from their files, or have none."""
    return [name for name, text in pages.items() if not _is_current(folder / name, text)]


def _is_current(file: Path, text: str) -> bool:
    return file.exists() and file.read_text() == text
