"""What a function reads for a value that it writes, told from its syntax tree; used by `methods` only."""

import ast
import builtins
from collections.abc import Iterable, Iterator
from typing import TypeGuard

Function = ast.FunctionDef | ast.AsyncFunctionDef


class Reads:
    """What an expression of a function reads: dotted names, followed through the function's own variables."""

    def __init__(self, function: Function, top: Iterable[str]) -> None:
        self._handed = {argument.arg for argument in arguments(function)}
        self._top = set(top)
        self._local: dict[str, list[ast.expr]] = {}
        for target, value in _bindings(function):
            self._local.setdefault(target, []).append(value)

    def of(self, expression: ast.expr) -> set[str]:
        """Return the names that the expression reads."""
        return set(self._reads(expression, frozenset()))

    def _reads(self, node: ast.AST, seen: frozenset[str]) -> Iterator[str]:
        if isinstance(node, ast.Call):
            yield from self._called(node.func, seen)
            for argument in (*node.args, *(keyword.value for keyword in node.keywords)):
                yield from self._reads(argument, seen)
            return
        name = chain(node)
        if name is not None:
            yield from self._named(name, seen)
            return
        for child in ast.iter_child_nodes(node):
            yield from self._reads(child, seen)

    def _called(self, function: ast.expr, seen: frozenset[str]) -> Iterator[str]:
        """Of what is called only the thing it is asked of counts: `task.due.isoformat()` reads `task.due`."""
        name = chain(function)
        if name is None:
            inner = function.value if isinstance(function, ast.Attribute) else function
            yield from self._reads(inner, seen)
            return
        root, _, rest = name.partition(".")
        if root in self._handed and not rest:
            yield name
        elif rest and (root in self._handed or root in self._local or self._is_constant(root)):
            yield from self._named(name.rpartition(".")[0], seen)

    def _named(self, name: str, seen: frozenset[str]) -> Iterator[str]:
        root = name.partition(".")[0]
        if root in self._local and root not in seen:
            if root in self._handed:
                yield name
            for value in self._local[root]:
                yield from self._reads(value, seen | {root}) if not _makes(value) else self._part(name, value, seen)
        elif root not in seen and not hasattr(builtins, root):
            yield name

    def _part(self, name: str, made: ast.Call, seen: frozenset[str]) -> Iterator[str]:
        """Of a thing that is made here (`new = Input(blob=blob)`) one part: what was handed in for it, or the part."""
        root, _, part = name.partition(".")
        handed = [keyword.value for keyword in made.keywords if keyword.arg == part]
        for value in handed:
            yield from self._reads(value, seen | {root})
        if not handed:
            yield name

    def _is_constant(self, name: str) -> bool:
        return name in self._top and name.upper() == name


def _makes(value: ast.expr) -> TypeGuard[ast.Call]:
    """Whether an expression makes a thing of a class, by the way that classes are named."""
    name = chain(value.func) if isinstance(value, ast.Call) else None
    return name is not None and name.rpartition(".")[2][:1].isupper()


def written(function: Function, key: str) -> Iterator[ast.expr]:
    """The expressions that a function writes under a key."""
    for node in ast.walk(function):
        if isinstance(node, ast.Call):
            yield from (keyword.value for keyword in node.keywords if keyword.arg == key)
        elif isinstance(node, ast.Dict):
            pairs = zip(node.keys, node.values, strict=True)
            yield from (value for name, value in pairs if isinstance(name, ast.Constant) and name.value == key)
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                is_key = isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Constant)
                if is_key and target.slice.value == key:  # type: ignore[attr-defined]
                    yield node.value


def _bindings(function: Function) -> Iterator[tuple[str, ast.expr]]:
    """The function's own variables, each with what it is made from."""
    for node in ast.walk(function):
        if isinstance(node, ast.Assign):
            yield from ((name, node.value) for target in node.targets for name in names(target))
        elif isinstance(node, ast.AnnAssign | ast.AugAssign | ast.NamedExpr) and node.value is not None:
            yield from ((name, node.value) for name in names(node.target))
        elif isinstance(node, ast.For | ast.AsyncFor | ast.comprehension):
            yield from ((name, node.iter) for name in names(node.target))
        elif isinstance(node, ast.withitem) and node.optional_vars is not None:
            yield from ((name, node.context_expr) for name in names(node.optional_vars))


def names(target: ast.expr) -> Iterator[str]:
    """The plain names that an assignment binds; an attribute or an entry of something is none."""
    if isinstance(target, ast.Name):
        yield target.id
    elif isinstance(target, ast.Tuple | ast.List):
        for element in target.elts:
            yield from names(element)
    elif isinstance(target, ast.Starred):
        yield from names(target.value)


def arguments(function: Function) -> Iterator[ast.arg]:
    stated = function.args
    yield from (*stated.posonlyargs, *stated.args, *stated.kwonlyargs)
    yield from (argument for argument in (stated.vararg, stated.kwarg) if argument is not None)


def chain(node: ast.AST) -> str | None:
    """`a.b.c` as text; None for what is no dotted name."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        before = chain(node.value)
        return None if before is None else f"{before}.{node.attr}"
    return None


def chains(function: Function) -> set[str]:
    return {name for node in ast.walk(function) if (name := chain(node)) is not None}
