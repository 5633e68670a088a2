"""The bounds that a declaration checks when it is built, read from the `check(...)` calls of its `__post_init__`."""

import ast
import copy
import inspect
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

_Keywords = dict[str, object]
_LOWER = {ast.GtE: "minimum", ast.Gt: "exclusiveMinimum"}
_UPPER = {ast.LtE: "maximum", ast.Lt: "exclusiveMaximum"}
_MIRRORED: Mapping[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.Gt,
    ast.Gt: ast.Lt,
    ast.LtE: ast.GtE,
    ast.GtE: ast.LtE,
}
_SYMBOLS = {"minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most", "exclusiveMaximum": "below"}
_ITEM, _NOT_EMPTY = "items", "notEmpty"


@dataclass(frozen=True, kw_only=True, slots=True)
class Bounds:
    """`by_field` has the bounds of single fields as keywords of JSON Schema; `rules` are sentences about several fields.

    The keyword `items` has the bounds of each value of a tuple, and `notEmpty` is true where something must be there.
    """

    by_field: Mapping[str, Mapping[str, object]]
    rules: tuple[str, ...]


def read(declaration: type) -> Bounds:
    """Return the bounds of a declaration; those that are no comparison with a number become rules."""
    by_field: dict[str, _Keywords] = {}
    rules = []
    for condition, message in _checks(declaration):
        field_bounds = list(_field_bounds(condition))
        for field, keywords in field_bounds:
            _merge(by_field.setdefault(field, {}), keywords)
        if not field_bounds or not _is_covered(condition):
            rules.append(message)
    return Bounds(by_field=by_field, rules=tuple(dict.fromkeys(filter(None, rules))))


def describe(keywords: Mapping[str, object]) -> str:
    """Return bounds in words.

    >>> describe({"exclusiveMinimum": 0, "maximum": 1})
    'above 0, at most 1'
    """
    parts = [f"{_SYMBOLS[name]} {value}" for name, value in keywords.items() if name in _SYMBOLS]
    if keywords.get(_NOT_EMPTY):
        parts.append("not empty")
    if isinstance(each := keywords.get(_ITEM), Mapping):
        parts.append(f"each {describe(each)}")
    return ", ".join(parts)


def _merge(into: _Keywords, keywords: _Keywords) -> None:
    for name, value in keywords.items():
        nested = into.get(name)
        if isinstance(value, dict) and isinstance(nested, dict):
            nested.update(value)
        else:
            into[name] = value


def _checks(declaration: type) -> Iterator[tuple[ast.expr, str]]:
    """Yield condition and message of each check; a helper of the same module is looked into."""
    method = declaration.__dict__.get("__post_init__")
    if method is None:
        return
    tree = ast.parse(textwrap.dedent(inspect.getsource(method))).body[0]
    assert isinstance(tree, ast.FunctionDef)
    yield from _from_body(tree.body, {}, vars(sys.modules[declaration.__module__]))


def _from_body(
    body: Sequence[ast.stmt], names: dict[str, ast.expr], scope: Mapping[str, object]
) -> Iterator[tuple[ast.expr, str]]:
    for statement in body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                names[name] = _substitute(value, names)
            case ast.For(target=ast.Name(id=name), iter=ast.Tuple(elts=elements), body=inner):
                for element in elements:
                    yield from _from_body(inner, {**names, name: element}, scope)
            case ast.Expr(value=ast.Call(func=ast.Name(id="check"), args=[condition, message])):
                yield _substitute(condition, names), _sentence(message)
            case ast.Expr(value=ast.Call(func=ast.Name(id=function), args=arguments)) if function.startswith("_check"):
                helper = ast.parse(inspect.getsource(scope[function])).body[0]  # type: ignore[arg-type]
                assert isinstance(helper, ast.FunctionDef)
                given = [_substitute(each, names) for each in arguments]
                passed = {each.arg: value for each, value in zip(helper.args.args, given, strict=False)}
                yield from _from_body(helper.body, passed, scope)


def _substitute(expression: ast.expr, names: Mapping[str, ast.expr]) -> ast.expr:
    class Replace(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.expr:
            return copy.deepcopy(names.get(node.id, node))

    replaced = Replace().visit(copy.deepcopy(expression))
    assert isinstance(replaced, ast.expr)
    return replaced


def _field_bounds(condition: ast.expr) -> Iterator[tuple[str, _Keywords]]:
    match condition:
        case ast.BoolOp(op=ast.And(), values=values):
            for value in values:
                yield from _field_bounds(value)
        case ast.BoolOp(op=ast.Or(), values=[ast.Compare(ops=[ast.Is()]), other]):
            yield from _field_bounds(other)
        case ast.Call(func=ast.Name(id="bool"), args=[ast.Attribute(attr=field, value=ast.Name(id="self"))]):
            yield field, {_NOT_EMPTY: True}
        case ast.Call(func=ast.Name(id="all"), args=[ast.GeneratorExp(elt=elt, generators=[generator])]):
            yield from _each(elt, generator)
        case ast.Compare():
            yield from _comparisons(condition)


def _each(element: ast.expr, generator: ast.comprehension) -> Iterator[tuple[str, _Keywords]]:
    """Yield the bounds of `all(... for name in ...)`: over fields, or over the values of one field."""
    match generator:
        case ast.comprehension(target=ast.Name(id=name), iter=ast.Tuple(elts=elements)):
            for each in elements:
                is_starred = isinstance(each, ast.Starred)
                replacement = each.value if isinstance(each, ast.Starred) else each
                for field, keywords in _field_bounds(_substitute(element, {name: replacement})):
                    yield field, {_ITEM: keywords} if is_starred else keywords
        case ast.comprehension(target=ast.Name(id=name), iter=ast.Attribute() as values):
            for field, keywords in _field_bounds(_substitute(element, {name: values})):
                yield field, {_ITEM: keywords}


def _comparisons(condition: ast.Compare) -> Iterator[tuple[str, _Keywords]]:
    sides = [condition.left, *condition.comparators]
    for operator, left, right in zip(condition.ops, sides, sides[1:], strict=False):
        kind = type(operator)
        if (field := _field(left)) and (number := _number(right)) is not None:
            keyword = _LOWER.get(kind) or _UPPER.get(kind)
        elif (field := _field(right)) and (number := _number(left)) is not None:
            mirrored = _MIRRORED.get(kind)
            keyword = None if mirrored is None else _LOWER.get(mirrored) or _UPPER.get(mirrored)
        else:
            continue
        if keyword:
            yield field, {keyword: number}


def _is_covered(condition: ast.expr) -> bool:
    """Return whether every part of a condition is a bound of one field."""
    match condition:
        case ast.BoolOp(op=ast.And(), values=values):
            return all(map(_is_covered, values))
        case ast.BoolOp(op=ast.Or(), values=[ast.Compare(ops=[ast.Is()]), other]):
            return _is_covered(other)
        case ast.Compare(left=left, comparators=others):
            return sum(_field(each) is not None for each in (left, *others)) == 1
        case ast.Call(func=ast.Name(id="all" | "bool")):
            return True
    return False


def _field(expression: ast.expr) -> str | None:
    match expression:
        case ast.Attribute(value=ast.Name(id="self"), attr=name):
            return name
    return None


def _number(expression: ast.expr) -> int | float | None:
    match expression:
        case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
            return value
    return None


def _sentence(message: ast.expr) -> str:
    """Return what a message says before the value that came; other values are replaced by an ellipsis."""
    match message:
        case ast.Constant(value=str() as text):
            return text
        case ast.JoinedStr(values=parts):
            text = "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in parts)
            return text.split(", got …")[0].split(": got …")[0]
    return ""
