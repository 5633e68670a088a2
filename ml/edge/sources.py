"""The part of our own source code that something needs: what is asked for, what that refers to, and nothing else.

So a wheel answers by the very lines that the model server answers by, without those that train, and without what only
those import.
"""

import ast
import re
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from functools import cached_property

_IMPORT = re.compile(r"^(\s*from )ml\b")


@dataclass(frozen=True, kw_only=True, slots=True)
class Name:
    """A name that is defined, or imported, at the top of a module."""

    module: str
    name: str


def asked(text: str) -> set[Name]:
    """Return the names that a source imports from `ml` by itself."""
    return {
        Name(module=each.module, name=alias.name)
        for each in ast.parse(text).body
        if isinstance(each, ast.ImportFrom) and each.module and each.module.startswith("ml.")
        for alias in each.names
    }


def needed(sources: Mapping[str, str], names: Iterable[Name]) -> dict[str, str]:
    """Return, of the modules `sources` (text by dotted name), those that `names` need, and of them what these need.

    Definitions stand as they are written; imports that are no longer used, or are for type checkers alone, are left out.
    """
    modules = {module: _Module(module, text) for module, text in sources.items()}
    found: dict[str, set[str]] = {}
    to_find = list(names)
    while to_find:
        name = to_find.pop()
        if name.name not in found.setdefault(name.module, set()):
            found[name.module].add(name.name)
            to_find += modules[name.module].needs(name.name, modules)
    absent = modules.keys() - found.keys()
    return {module: modules[module].written(kept, absent) for module, kept in sorted(found.items())}


def moved(text: str, package: str) -> str:
    """Return the source with what it imports from `ml` imported from `package`."""
    return "".join(_IMPORT.sub(rf"\g<1>{package}", line) for line in text.splitlines(keepends=True))


class _Module:
    def __init__(self, name: str, text: str) -> None:
        self.name, self._lines = name, text.splitlines()
        self._tree = ast.parse(text)

    @cached_property
    def _defined(self) -> dict[str, ast.stmt]:
        return {name: each for each in self._tree.body for name in _names(each)}

    @cached_property
    def _imported(self) -> dict[str, tuple[str, str | None, str]]:
        """Where each imported name comes from: a module, and what of it; and the words that import it."""
        found: dict[str, tuple[str, str | None, str]] = {}
        for each in self._tree.body:
            for alias in each.names if isinstance(each, ast.Import | ast.ImportFrom) else ():
                renamed = f"{alias.name} as {alias.asname}" if alias.asname else alias.name
                if isinstance(each, ast.ImportFrom):
                    found[alias.asname or alias.name] = (str(each.module), alias.name, renamed)
                elif isinstance(each, ast.Import):
                    found[alias.asname or alias.name] = (alias.name, None, renamed)
        return found

    def needs(self, name: str, modules: "Mapping[str, _Module]") -> Iterator[Name]:
        """Yield what the definition of `name`, or the module that it is imported from, refers to."""
        if name in self._defined:
            yield from self._referred(self._defined[name], modules)
        else:
            module, attribute, _ = self._imported[name]
            if attribute is not None and f"{module}.{attribute}" not in modules and module in modules:
                yield Name(module=module, name=attribute)

    def _referred(self, definition: ast.stmt, modules: "Mapping[str, _Module]") -> Iterator[Name]:
        for node in ast.walk(definition):
            if isinstance(node, ast.ImportFrom) and node.module and node.module in modules:
                yield from (Name(module=node.module, name=alias.name) for alias in node.names)
            if isinstance(node, ast.Name) and (node.id in self._defined or node.id in self._imported):
                yield Name(module=self.name, name=node.id)
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                module, attribute, _ = self._imported.get(node.value.id, ("", None, ""))
                if (whole := f"{module}.{attribute}") in modules:
                    yield Name(module=whole, name=node.attr)

    def written(self, names: set[str], absent: Set[str]) -> str:
        """Return the module's text with these names alone, without the modules that are `absent`."""
        kept = [each for each in self._tree.body if names & set(_names(each))]
        described = ast.get_docstring(self._tree, clean=False)
        parts = [f'"""{described}"""'] if described else []
        parts += ["\n".join(self._imports(names, absent))] if names & self._imported.keys() else []
        parts += ["\n".join(self._lines[_first_line(each) - 1 : each.end_lineno]) for each in kept]
        return "\n\n".join(parts) + "\n"

    def _imports(self, names: set[str], absent: Set[str]) -> Iterator[str]:
        together: dict[str, list[str]] = {}
        for name, (module, attribute, words) in self._imported.items():
            if name not in names or f"{module}.{attribute}" in absent:
                continue
            if attribute is None:
                yield f"import {words}"
            else:
                together.setdefault(module, []).append(words)
        yield from (f"from {module} import {', '.join(words)}" for module, words in together.items())


def _names(statement: ast.stmt) -> Iterator[str]:
    """Yield the names that a statement at the top of a module defines."""
    match statement:
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.Assign(targets=targets):
            yield from (node.id for each in targets for node in ast.walk(each) if isinstance(node, ast.Name))
        case ast.AnnAssign(target=ast.Name(id=name)):
            yield name


def _first_line(statement: ast.stmt) -> int:
    decorators: list[ast.expr] = getattr(statement, "decorator_list", [])
    return min([statement.lineno, *(each.lineno for each in decorators)])
