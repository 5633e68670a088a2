"""The page of the settings has every variable with its meaning and default."""

import re

import pytest

from include.cli.docs import settings_page
from include.settings import PROJECT

EXAMPLE = (PROJECT / ".env.example").read_text()
PAGE = settings_page.page(EXAMPLE, (PROJECT / "docker-compose.yml").read_text())


def test_every_variable_has_a_meaning_of_its_own() -> None:
    assert [each.name for each in settings_page.read(EXAMPLE) if not each.meaning] == []


def test_every_variable_of_settings_and_server_is_on_the_page() -> None:
    assert [name for name in settings_page.defaults() if f"* `{name}` (" not in PAGE] == []


@pytest.mark.parametrize(
    "entry",
    [
        "* `RATCHET_AIRFLOW_PORT` (default `8080`): The port of Airflow.",
        "* `RATCHET_SERVING_TOKEN` (empty by default): ",
        "* `RATCHET_HOME` (default `var`): ",
        "* `RATCHET_PARALLELISM` (default `4`): ",
        "* `RATCHET_BROWSER` (for example `/usr/bin/chromium`): ",
        "* `RATCHET_THREADS` (default: the number of cores): ",
    ],
)
def test_an_entry_has_its_default(entry: str) -> None:
    assert entry in PAGE


def test_an_address_has_an_example() -> None:
    entry = re.search(r"\* `RATCHET_WAREHOUSE_URL`.*?\n\*", PAGE, re.DOTALL)
    assert entry is not None
    assert "default `sqlite:///var/warehouse.db`; for example `postgresql+psycopg://" in " ".join(entry[0].split())


def test_a_comment_belongs_to_the_variable_below_it() -> None:
    read = list(settings_page.read("# ## Part\n# One\n# line.\n#A_B=1\n\n# lost\n\n#C_D=\n"))
    assert [(each.section, each.name, each.example, each.meaning) for each in read] == [
        ("Part", "A_B", "1", "One line."),
        ("Part", "C_D", "", ""),
    ]
