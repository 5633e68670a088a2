"""Tree shaking: extracts the definitions of `ml/` that given names need, and all that these refer to, as source code.

An exported wheel therefore scores with the same source lines as the model server. It contains no training code and none
of its imports.
"""

import ast
import re
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from functools import cached_property

_IMPORT = re.compile(r"^(\s*from )ml\b")


@dataclass(frozen=True, kw_only=True, slots=True)
class QualifiedName:
    """A name that is defined or imported at the top level of a module."""

    module: str
    name: str


def imported_names(text: str) -> set[QualifiedName]:
    """Return the names that a source imports from modules of `ml` at its top level.

    >>> imported_names("from ml.scoring.request_schema import Row\\nimport numpy")
    {QualifiedName(module='ml.scoring.request_schema', name='Row')}
    """
    return {
        QualifiedName(module=each.module, name=alias.name)
        for each in ast.parse(text).body
        if isinstance(each, ast.ImportFrom) and each.module and each.module.startswith("ml.")
        for alias in each.names
    }


def required_sources(sources: Mapping[str, str], names: Iterable[QualifiedName]) -> dict[str, str]:
    """Return the reduced source of each module that `names` need; `sources` has texts by dotted module name.

    The definitions that `names` refer to, directly or indirectly, are kept unchanged. Unused imports, and those for
    type checkers only, are left out.

    >>> source = "import os\\ndef area(r):\\n    return PI * r * r\\nPI = 3.14\\ndef name():\\n    return os.name\\n"
    >>> print(required_sources({"ml.shapes": source}, [QualifiedName(module="ml.shapes", name="area")])["ml.shapes"])
    def area(r):
        return PI * r * r
    <BLANKLINE>
    PI = 3.14
    <BLANKLINE>
    """
    modules = {module: _Module(module, text) for module, text in sources.items()}
    kept_names: dict[str, set[str]] = {}
    pending = list(names)
    while pending:
        name = pending.pop()
        if name.name not in kept_names.setdefault(name.module, set()):
            kept_names[name.module].add(name.name)
            pending += modules[name.module].references(name.name, modules)
    dropped = modules.keys() - kept_names.keys()
    return {module: modules[module].render(names_kept, dropped) for module, names_kept in sorted(kept_names.items())}


def rewrite_imports(text: str, package: str) -> str:
    """Return the source with imports from `ml` replaced by imports from `package`.

    >>> rewrite_imports("from ml.errors import DataError", "flights_model")
    'from flights_model.errors import DataError'
    """
    return "".join(_IMPORT.sub(rf"\g<1>{package}", line) for line in text.splitlines(keepends=True))


@dataclass(frozen=True, kw_only=True, slots=True)
class _Import:
    """An import of a module or of an attribute of it; `clause` is its source text, such as "numpy as np"."""

    module: str
    attribute: str | None
    clause: str

    @property
    def full_name(self) -> str:
        """Return the dotted name of the imported object, which is a module's name if a module is imported."""
        return self.module if self.attribute is None else f"{self.module}.{self.attribute}"


class _Module:
    def __init__(self, name: str, text: str) -> None:
        self.name, self._lines = name, text.splitlines()
        self._tree = ast.parse(text)

    @cached_property
    def _defined(self) -> dict[str, ast.stmt]:
        return {name: each for each in self._tree.body for name in _defined_names(each)}

    @cached_property
    def _imported(self) -> dict[str, _Import]:
        return {name: imported for each in self._tree.body for name, imported in _iter_imports(each)}

    def references(self, name: str, modules: "Mapping[str, _Module]") -> Iterator[QualifiedName]:
        """Yield the names that the definition of `name` refers to; for an imported name, its name in its own module."""
        if name in self._defined:
            yield from self._references_in(self._defined[name], modules)
            return
        imported = self._imported[name]
        if imported.attribute is not None and imported.full_name not in modules and imported.module in modules:
            yield QualifiedName(module=imported.module, name=imported.attribute)

    def _references_in(self, definition: ast.stmt, modules: "Mapping[str, _Module]") -> Iterator[QualifiedName]:
        for node in ast.walk(definition):
            match node:
                case ast.ImportFrom(module=str(module)) if module in modules:
                    yield from (QualifiedName(module=module, name=alias.name) for alias in node.names)
                case ast.Name(id=name) if name in self._defined or name in self._imported:
                    yield QualifiedName(module=self.name, name=name)
                case ast.Attribute(value=ast.Name(id=name), attr=attribute) if name in self._imported:
                    if self._imported[name].full_name in modules:
                        yield QualifiedName(module=self._imported[name].full_name, name=attribute)

    def render(self, names: set[str], dropped: Set[str]) -> str:
        """Return the module's source with only these names, without imports from `dropped` modules."""
        statements = [each for each in self._tree.body if names & set(_defined_names(each))]
        docstring = ast.get_docstring(self._tree, clean=False)
        parts = [f'"""{docstring}"""'] if docstring else []
        parts += ["\n".join(self._import_lines(names, dropped))] if names & self._imported.keys() else []
        parts += ["\n".join(self._lines[_first_line(each) - 1 : each.end_lineno]) for each in statements]
        return "\n\n".join(parts) + "\n"

    def _import_lines(self, names: set[str], dropped: Set[str]) -> Iterator[str]:
        clauses_by_module: dict[str, list[str]] = {}
        for imported in (
            each for name, each in self._imported.items() if name in names and each.full_name not in dropped
        ):
            if imported.attribute is None:
                yield f"import {imported.clause}"
            else:
                clauses_by_module.setdefault(imported.module, []).append(imported.clause)
        yield from (f"from {module} import {', '.join(clauses)}" for module, clauses in clauses_by_module.items())


def _iter_imports(statement: ast.stmt) -> Iterator[tuple[str, _Import]]:
    """Yield (name, import) for each name that a statement imports."""
    for alias in statement.names if isinstance(statement, ast.Import | ast.ImportFrom) else ():
        clause = f"{alias.name} as {alias.asname}" if alias.asname else alias.name
        if isinstance(statement, ast.ImportFrom):
            imported = _Import(module=str(statement.module), attribute=alias.name, clause=clause)
        else:
            imported = _Import(module=alias.name, attribute=None, clause=clause)
        yield alias.asname or alias.name, imported


def _defined_names(statement: ast.stmt) -> Iterator[str]:
    """Yield the names that a top-level statement defines."""
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
