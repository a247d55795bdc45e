"""Finds tests that cannot fail, as far as their syntax shows it.

Three rules, each of them simple and strict:

1. An assertion on `status_code` names the one status that is right.
2. `assert all(...)`, `assert not any(...)` and a test whose every assertion is in a
   loop are true of nothing at all: what they go through is visibly not empty, or the
   test asserts something about it.
3. Where a text must not be on a page, the test also says what is there: a status, or
   another text.

A property test (`@given`) is free of the first two: what it asks and goes through is
drawn at random, and may be nothing.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from typing import NamedTuple

ONE_STATUS = "say which status it is: one, by =="
MAYBE_EMPTY = "also true of nothing: assert that {} is not empty"
MAYBE_NO_PAGE = "also true of an error page: assert the status, or a text that is there"

COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
# What these return has items if the last thing that they are given has some.
SAME_LENGTH = {"sorted", "list", "tuple", "reversed", "enumerate", "zip", "set", "map"}
VIEWS = {"items", "keys", "values"}


class Weakness(NamedTuple):
    line: int
    message: str


def weaknesses(source: str) -> list[Weakness]:
    """Return what is wrong with a module's tests, in the order of its lines."""
    tree = ast.parse(source)
    known = dict(_assigned(tree))
    return sorted(
        weakness
        for node in _functions_in(tree)
        for weakness in _Function(node, known).weaknesses()
    )


def _own_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """Walk a node, but not into the functions inside of it."""
    for child in ast.iter_child_nodes(node):
        yield child
        if not isinstance(child, ast.FunctionDef):
            yield from _own_nodes(child)


def _functions_in(node: ast.AST) -> list[ast.FunctionDef]:
    return [one for one in _own_nodes(node) if isinstance(one, ast.FunctionDef)]


def _is_given(decorator: ast.expr) -> bool:
    """Whether Hypothesis draws what the function is called with."""
    match decorator:
        case ast.Call(func=ast.Name(id="given") | ast.Attribute(attr="given")):
            return True
    return False


def _is_status(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == "status_code"


def _assigned(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """Yield the names that are assigned in a module or function, with the values."""
    for statement in _own_nodes(node):
        match statement:
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                yield name, value
            case ast.Assign(targets=targets, value=value):
                names = [one.id for one in targets if isinstance(one, ast.Name)]
                yield from ((name, value) for name in names)


class _Function:
    """One function: what it and those around it assign, and what they assert."""

    def __init__(
        self,
        node: ast.FunctionDef,
        known: dict[str, ast.expr],
        around: Sequence[ast.Assert] = (),
    ) -> None:
        self.node = node
        self.nodes = list(_own_nodes(node))
        self.known = known | dict(_assigned(node))
        self.asserts = [one for one in self.nodes if isinstance(one, ast.Assert)]
        self.asserts_in_sight = [*around, *self.asserts]

    def weaknesses(self) -> Iterator[Weakness]:
        if not any(map(_is_given, self.node.decorator_list)):
            yield from self._several_statuses()
            yield from self._all_of_nothing()
            if self.node.name.startswith("test_"):
                yield from self._loops_only()
        if self.node.name.startswith("test_"):
            yield from self._absent_only()
        for inner in _functions_in(self.node):
            yield from _Function(inner, self.known, self.asserts_in_sight).weaknesses()

    def _several_statuses(self) -> Iterator[Weakness]:
        for one in self.asserts:
            if self._accepts_several_statuses(one.test):
                yield Weakness(one.lineno, ONE_STATUS)

    def _all_of_nothing(self) -> Iterator[Weakness]:
        for one in self.asserts:
            for source in _sources_of_all(one.test):
                if not self._has_items(source, except_for=one):
                    yield self._maybe_empty(one, source)

    def _accepts_several_statuses(self, test: ast.expr) -> bool:
        """Whether a status is compared but by ==, or beside an alternative."""
        for node in ast.walk(test):
            match node:
                case ast.Compare(left=left, ops=ops, comparators=others):
                    names_one = all(isinstance(op, ast.Eq) for op in ops)
                    if not names_one and any(map(self._is_status, (left, *others))):
                        return True
                case ast.BoolOp(op=ast.Or()):
                    if any(map(self._is_status, ast.walk(node))):
                        return True
        return False

    def _is_status(self, node: ast.AST) -> bool:
        if isinstance(node, ast.Name) and node.id in self.known:
            node = self.known[node.id]
        return _is_status(node)

    def _maybe_empty(self, at: ast.stmt, source: ast.expr) -> Weakness:
        return Weakness(at.lineno, MAYBE_EMPTY.format(ast.unparse(_unwrapped(source))))

    def _loops_only(self) -> Iterator[Weakness]:
        """Yield a loop if all assertions are in loops of which none surely runs."""
        checks = [one for one in self.nodes if _is_check(one)]
        loops = [one for one in self.nodes if isinstance(one, ast.For)]
        inside = {id(inner) for loop in loops for inner in ast.walk(loop)}
        if not checks or any(id(check) not in inside for check in checks):
            return
        checking = [loop for loop in loops if any(map(_is_check, ast.walk(loop)))]
        if not any(self._has_items(loop.iter) for loop in checking):
            yield self._maybe_empty(checking[0], checking[0].iter)

    def _absent_only(self) -> Iterator[Weakness]:
        """Yield what must not be on a page, if nothing says what is there."""
        absent = [one for one in self.asserts if _is_absence(one.test)]
        others = [one for one in self.asserts if one not in absent]
        if absent and not any(_is_about_a_page(one.test) for one in others):
            yield Weakness(absent[0].lineno, MAYBE_NO_PAGE)

    def _has_items(
        self, source: ast.expr, except_for: ast.Assert | None = None
    ) -> bool:
        """Whether something is visibly not empty, or another assertion is about it."""
        source = _unwrapped(source)
        text = ast.unparse(source)
        others = (one for one in self.asserts_in_sight if one is not except_for)
        if any(text in _expressions(one.test) for one in others):
            return True
        return self._is_filled(source)

    def _is_filled(self, node: ast.expr, depth: int = 0) -> bool:
        node = _unwrapped(node)
        match node:
            case ast.List() | ast.Tuple() | ast.Set():
                return bool(node.elts)
            case ast.Dict():
                return bool(node.keys)
            case ast.Constant(value=str() as text):
                return bool(text)
            case ast.BinOp(left=left, op=ast.Mult() | ast.BitOr() | ast.Add()):
                return self._is_filled(left, depth)
            case ast.Call(func=ast.Name(id="range")):
                return True
            case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                first, *others = node.generators
                return (
                    not others and not first.ifs and self._is_filled(first.iter, depth)
                )
            case ast.Name(id=name) if name in self.known and depth < 5:
                return self._is_filled(self.known[name], depth + 1)
            # What a fixture, a parameter or another name gives is not seen here.
            case ast.Name(id=name):
                return name.isupper()
        return False


def _sources_of_all(test: ast.expr) -> Iterator[ast.expr]:
    """Yield what `all(...)` or `not any(...)` goes through, if that is asserted."""
    match test:
        case ast.Call(func=ast.Name(id="all"), args=[argument]):
            yield _source(argument)
        case ast.UnaryOp(
            op=ast.Not(), operand=ast.Call(func=ast.Name(id="any"), args=[argument])
        ):
            yield _source(argument)
        case ast.BoolOp(op=ast.And(), values=values):
            for value in values:
                yield from _sources_of_all(value)


def _source(argument: ast.expr) -> ast.expr:
    if isinstance(argument, COMPREHENSIONS):
        return argument.generators[0].iter
    return argument


def _unwrapped(node: ast.expr) -> ast.expr:
    """Return what has the items: without sorted(...), enumerate(...), .values()."""
    match node:
        case ast.Call(func=ast.Name(id=name), args=[*_, inner]) if name in SAME_LENGTH:
            return _unwrapped(inner)
        case ast.Call(func=ast.Attribute(value=inner, attr=name), args=[]) if (
            name in VIEWS
        ):
            return _unwrapped(inner)
    return node


def _expressions(test: ast.expr) -> set[str]:
    return {ast.unparse(node) for node in ast.walk(test) if isinstance(node, ast.expr)}


def _is_check(node: ast.AST) -> bool:
    """Whether a statement is an assertion, or expects an error."""
    if isinstance(node, ast.With):
        return any("raises" in ast.unparse(item) for item in node.items)
    return isinstance(node, ast.Assert)


def _is_absence(test: ast.expr) -> bool:
    return (
        isinstance(test, ast.Compare)
        and isinstance(test.ops[0], ast.NotIn)
        and _is_content(test.comparators[0])
    )


def _is_content(node: ast.expr) -> bool:
    return any(
        isinstance(inner, ast.Attribute) and inner.attr == "content"
        for inner in ast.walk(node)
    )


def _is_about_a_page(test: ast.expr) -> bool:
    return any(_is_status(node) for node in ast.walk(test)) or _is_content(test)
