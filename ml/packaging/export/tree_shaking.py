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


@dataclass(frozen=True, kw_only=True, slots=True)
class _Import:
    """What is imported: a module, or an attribute of it; and the words that say so."""

    module: str
    attribute: str | None
    words: str

    @property
    def whole(self) -> str:
        """Return the module that this is, if what is imported is one."""
        return self.module if self.attribute is None else f"{self.module}.{self.attribute}"


class _Module:
    def __init__(self, name: str, text: str) -> None:
        self.name, self._lines = name, text.splitlines()
        self._tree = ast.parse(text)

    @cached_property
    def _defined(self) -> dict[str, ast.stmt]:
        return {name: each for each in self._tree.body for name in _names(each)}

    @cached_property
    def _imported(self) -> dict[str, _Import]:
        return {name: found for each in self._tree.body for name, found in _imports(each)}

    def needs(self, name: str, modules: "Mapping[str, _Module]") -> Iterator[Name]:
        """Yield what the definition of `name`, or the module that it is imported from, refers to."""
        if name in self._defined:
            yield from self._referred(self._defined[name], modules)
            return
        found = self._imported[name]
        if found.attribute is not None and found.whole not in modules and found.module in modules:
            yield Name(module=found.module, name=found.attribute)

    def _referred(self, definition: ast.stmt, modules: "Mapping[str, _Module]") -> Iterator[Name]:
        for node in ast.walk(definition):
            match node:
                case ast.ImportFrom(module=str(module)) if module in modules:
                    yield from (Name(module=module, name=alias.name) for alias in node.names)
                case ast.Name(id=name) if name in self._defined or name in self._imported:
                    yield Name(module=self.name, name=name)
                case ast.Attribute(value=ast.Name(id=name), attr=attribute) if name in self._imported:
                    if self._imported[name].whole in modules:
                        yield Name(module=self._imported[name].whole, name=attribute)

    def written(self, names: set[str], absent: Set[str]) -> str:
        """Return the module's text with these names alone, without the modules that are `absent`."""
        kept = [each for each in self._tree.body if names & set(_names(each))]
        described = ast.get_docstring(self._tree, clean=False)
        parts = [f'"""{described}"""'] if described else []
        parts += ["\n".join(self._importing(names, absent))] if names & self._imported.keys() else []
        parts += ["\n".join(self._lines[_first_line(each) - 1 : each.end_lineno]) for each in kept]
        return "\n\n".join(parts) + "\n"

    def _importing(self, names: set[str], absent: Set[str]) -> Iterator[str]:
        together: dict[str, list[str]] = {}
        for found in (each for name, each in self._imported.items() if name in names and each.whole not in absent):
            if found.attribute is None:
                yield f"import {found.words}"
            else:
                together.setdefault(found.module, []).append(found.words)
        yield from (f"from {module} import {', '.join(words)}" for module, words in together.items())


def _imports(statement: ast.stmt) -> Iterator[tuple[str, _Import]]:
    """Yield the names that a statement imports, and what each is."""
    for alias in statement.names if isinstance(statement, ast.Import | ast.ImportFrom) else ():
        words = f"{alias.name} as {alias.asname}" if alias.asname else alias.name
        if isinstance(statement, ast.ImportFrom):
            found = _Import(module=str(statement.module), attribute=alias.name, words=words)
        else:
            found = _Import(module=alias.name, attribute=None, words=words)
        yield alias.asname or alias.name, found


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
