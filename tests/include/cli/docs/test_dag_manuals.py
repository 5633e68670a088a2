"""The page of the DAGs has the manual of every DAG file."""

from pathlib import Path

from include.cli.docs import dag_manuals
from include.settings import PROJECT


def test_every_dag_file_has_a_section() -> None:
    page = dag_manuals.page(PROJECT / "dags")
    assert page.count("\n## ") == len(list((PROJECT / "dags").glob("*.py")))


def test_a_file_without_a_docstring_has_no_section(tmp_path: Path) -> None:
    (tmp_path / "empty.py").write_text("x = 1\n")
    (tmp_path / "full.py").write_text('"""# Full: a manual\n\n**What for.** Something.\n"""\n')
    page = dag_manuals.page(tmp_path)
    assert "## Full: a manual\n\n**What for.** Something." in page
    assert page.count("\n## ") == 1
