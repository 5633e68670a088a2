"""The staged folder has every page, and its links stay inside of the site."""

from pathlib import Path

import pytest

from include.cli.docs import site
from include.settings import PROJECT

STAGED = {PROJECT / "docs/concepts/gate.md": "concepts/gate.md", PROJECT / "CONTRIBUTING.md": "contributing.md"}


@pytest.mark.parametrize(
    ("link", "relinked"),
    [
        ("[gate](../concepts/gate.md#checks)", "[gate](../concepts/gate.md#checks)"),
        ("[contributing](../../CONTRIBUTING.md)", "[contributing](../contributing.md)"),
        ("[`gate.py`](../../ml/promotion/gate.py)", "`ml/promotion/gate.py`"),
        (
            "[the rules](../../include/serving/prometheus/rules.yaml)",
            "the rules (`include/serving/prometheus/rules.yaml`)",
        ),
        ("[nothing](../nothing.md)", "[nothing](../nothing.md)"),
        ("[Airflow](https://airflow.apache.org)", "[Airflow](https://airflow.apache.org)"),
        ("```\n[x](../../Makefile)\n```", "```\n[x](../../Makefile)\n```"),
    ],
)
def test_a_link_leads_to_a_page_of_the_site_or_becomes_text(link: str, relinked: str) -> None:
    assert site.relink(link, PROJECT / "docs/operate/monitoring.md", "operate/monitoring.md", STAGED) == relinked


def test_a_readme_is_the_first_page_of_its_folder() -> None:
    assert site.staged_sources(PROJECT)["decisions/index.md"] == PROJECT / "docs/decisions/README.md"


def test_every_module_of_ml_is_on_a_page_of_the_python_api() -> None:
    text = "".join(site.api_pages(PROJECT / "ml").values())
    modules = {".".join(path.relative_to(PROJECT).with_suffix("").parts) for path in (PROJECT / "ml").glob("*/**/*.py")}
    assert {name for name in modules if not name.endswith("__init__") and f"::: {name}\n" not in text} == set()


def test_staging_twice_leaves_nothing_old(tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site/old.md").write_text("old")
    site.stage(tmp_path / "site")
    assert not (tmp_path / "site/old.md").exists()
    assert (tmp_path / "site/use-cases/flights.md").exists()
