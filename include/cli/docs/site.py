"""The folder that the site is built from: the pages of docs/, pages from elsewhere in the project, and the Python API."""

import os
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from include.cli.docs import markdown
from include.settings import PROJECT

_LINK = re.compile(r"\[([^\]]*)\]\(([^)\s#]+)(#[^)\s]*)?\)")
_FENCE = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)
_TEXTS = (".md",)


def stage(folder: Path) -> None:
    """Write everything that the site's generator reads into `folder`, which is emptied first."""
    shutil.rmtree(folder, ignore_errors=True)
    sources = staged_sources(PROJECT)
    for name, file in sources.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if file.suffix in _TEXTS:
            target.write_text(relink(file.read_text(), file, name, {path: each for each, path in sources.items()}))
        else:
            shutil.copyfile(file, target)
    for name, text in api_pages(PROJECT / "ml").items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def staged_sources(project: Path) -> dict[str, Path]:
    """Return the file of each staged page and picture, by its path in the site."""
    docs = project / "docs"
    pages = {str(file.relative_to(docs)): file for file in sorted(docs.rglob("*")) if file.is_file()}
    use_cases = sorted((project / "include/usecases").glob("*/README.md"))
    return {
        **{_as_index(name): file for name, file in pages.items()},
        **{f"use-cases/{file.parent.name}.md": file for file in use_cases},
        "contributing.md": project / "CONTRIBUTING.md",
        "changelog.md": project / "CHANGELOG.md",
    }


def relink(text: str, file: Path, name: str, staged: Mapping[Path, str]) -> str:
    """Return a page whose links lead to other pages of the site.

    A link to a file of the project that is no page of the site becomes its text, with the file's path. A link to
    nothing is left as it is, for the generator to refuse.
    """

    def link(match: re.Match[str]) -> str:
        shown, target, anchor = match[1], match[2], match[3] or ""
        path = Path(os.path.normpath(file.parent / target))
        if path in staged:
            return f"[{shown}]({os.path.relpath(staged[path], Path(name).parent)}{anchor})"
        if "://" in target or not path.exists():
            return match[0]
        inside = str(path.relative_to(PROJECT))
        return f"`{inside}`" if inside.endswith(shown.strip("`")) else f"{shown} (`{inside}`)"

    parts = _FENCE.split(text)
    return "".join(part if part.startswith("```") else _LINK.sub(link, part) for part in parts)


def api_pages(ring: Path) -> dict[str, str]:
    """Return a page for each package of `ml`, which the generator fills from the docstrings of its modules."""
    packages = sorted(path.parent for path in ring.glob("*/__init__.py"))
    pages = {f"reference/python/{package.name}.md": _api_page(package, ring.parent) for package in packages}
    links = [f"[`ml.{package.name}`]({package.name}.md)" for package in packages]
    pages["reference/python/index.md"] = markdown.page(
        "Python API",
        "The modules of `ml/`: pure functions and frozen dataclasses, without files, network or clock.",
        markdown.items(links),
    )
    return pages


def _api_page(package: Path, root: Path) -> str:
    modules = [_module_name(file, root) for file in _module_files(package)]
    blocks = [f"::: {module}" for module in modules]
    return markdown.page(f"ml.{package.name}", *blocks)


def _module_files(package: Path) -> Iterator[Path]:
    """Yield the modules of a package that are not empty: the package itself first."""
    first = package / "__init__.py"
    files = [first, *(file for file in sorted(package.rglob("*.py")) if file != first)]
    yield from (file for file in files if file.stat().st_size)


def _module_name(file: Path, root: Path) -> str:
    inside = file.relative_to(root).with_suffix("")
    return ".".join(inside.parent.parts if inside.name == "__init__" else inside.parts)


def _as_index(name: str) -> str:
    """Return where a file of docs/ is in the site: a README is its folder's first page."""
    return name.removesuffix("README.md") + "index.md" if name.endswith("README.md") else name
