"""The modules of a build, and what a name of theirs means: a function, a class, a constant, found through imports.

Only names bound once at the top of a module are followed; a name bound twice means nothing here. Nothing is imported
or run. Used when the index is built, never in the product.
"""

import ast
import builtins
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache

_DEPTH = 8
_LINEAGE = 16
_CHANGED = ast.Constant(None)
"""Stands for the value that a function gives to a global name: the name is then bound twice."""
Node = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.expr


@dataclass(frozen=True, slots=True)
class Builtin:
    """A class of the interpreter's own `builtins`."""

    name: str


@dataclass(frozen=True, slots=True)
class Module:
    """One module: its dotted name, its syntax tree, whether it is a package's `__init__`; then what it binds, holds."""

    name: str
    tree: ast.Module
    is_package: bool = False
    names: dict[str, list[Node | str]] = field(default_factory=dict)
    nodes: list[ast.AST] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.nodes.extend(walk(self.tree))
        for name, node in _bindings(self, self.tree.body):
            self.names.setdefault(name, []).append(node)
        for inner in self.nodes:
            for name in inner.names if isinstance(inner, ast.Global) else ():
                self.names.setdefault(name, []).append(_CHANGED)


@dataclass(frozen=True, slots=True)
class Found:
    """What a name means, and the module in which it stands."""

    module: Module
    node: Node
    qualname: str = ""


class Program:
    """All modules of a build."""

    def __init__(self, modules: Mapping[str, Module]) -> None:
        self.modules = modules

    def find(self, module: Module, dotted: str) -> Found | Builtin | None:
        """Return what `dotted` means in `module`, or None when that cannot be said."""
        first, _, rest = dotted.partition(".")
        nodes = module.names.get(first)
        if nodes is None:
            known = getattr(builtins, first, None)
            return Builtin(first) if isinstance(known, type) and not rest else None
        return self._member(module, nodes, first, rest, _DEPTH)

    def _member(self, module: Module, nodes: list[Node | str], name: str, rest: str, depth: int) -> Found | None:
        if len(nodes) != 1 or not depth:
            return None
        node = nodes[0]
        if isinstance(node, str):
            return self._imported(node, rest, depth - 1)
        if not rest:
            return Found(module, node, name)
        if isinstance(node, ast.ClassDef):
            return _in_class(module, node, name, rest)
        return None

    def _imported(self, target: str, rest: str, depth: int) -> Found | None:
        """Return what `target.rest` means: the longest module name that is known, then names in it."""
        parts = [*target.split("."), *(rest.split(".") if rest else [])]
        for length in range(len(parts), 0, -1):
            module = self.modules.get(".".join(parts[:length]))
            if module is not None and length < len(parts):
                nodes = module.names.get(parts[length], [])
                return self._member(module, nodes, parts[length], ".".join(parts[length + 1 :]), depth)
        return None

    def lineage(self, found: Found, depth: int = _LINEAGE) -> list["Found | Builtin | None"]:
        """Return the class and its bases, depth first from the left; None stands for a base that is not known."""
        line: list[Found | Builtin | None] = [found]
        for base in found.node.bases if isinstance(found.node, ast.ClassDef) else []:
            name = dotted_name(base.value if isinstance(base, ast.Subscript) else base)
            if name.rpartition(".")[2] in {"Generic", "Protocol", "object"}:
                continue
            meant = self.find(found.module, name) if name else None
            if isinstance(meant, Found):
                is_class = isinstance(meant.node, ast.ClassDef) and depth > 0
                line += self.lineage(meant, depth - 1) if is_class else [None]
            else:
                line.append(meant)
        return line


def walk(node: ast.AST) -> list[ast.AST]:
    """Return a node and all under it, as `ast.walk` does, but without contexts, and several times as fast."""
    found = [node]
    for current in found:
        for name in current._fields:
            value = getattr(current, name, None)
            if isinstance(value, ast.AST):
                if name != "ctx":
                    found.append(value)
            elif type(value) is list:
                found += [inner for inner in value if isinstance(inner, ast.AST)]
    return found


def dotted_name(node: ast.expr) -> str:
    """Return `a.b.c` of a name or attribute, or an empty text."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        before = dotted_name(node.value)
        return f"{before}.{node.attr}" if before else ""
    return ""


@cache
def class_body(node: ast.ClassDef) -> dict[str, list[Node]]:
    """Return the functions, constants and classes of a class body by name."""
    found: dict[str, list[Node]] = {}
    for name, bound in _own(node.body):
        found.setdefault(name, []).append(bound)
    return found


def _in_class(module: Module, node: ast.ClassDef, name: str, rest: str) -> Found | None:
    first, _, more = rest.partition(".")
    nodes = class_body(node).get(first, [])
    if len(nodes) != 1:
        return None
    inner = nodes[0]
    if more:
        return _in_class(module, inner, f"{name}.{first}", more) if isinstance(inner, ast.ClassDef) else None
    return Found(module, inner, f"{name}.{first}")


def _bindings(module: Module, body: list[ast.stmt]) -> Iterator[tuple[str, Node | str]]:
    yield from _own(body)
    for node in _top(body):
        if isinstance(node, ast.Import):
            for alias in node.names:
                first = alias.name.partition(".")[0]
                yield (alias.asname, alias.name) if alias.asname else (first, first)
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(module, node)
            yield from ((alias.asname or alias.name, f"{base}.{alias.name}") for alias in node.names)


def _own(body: list[ast.stmt]) -> Iterator[tuple[str, Node]]:
    for node in _top(body):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            if not any(dotted_name(d).rpartition(".")[2] == "overload" for d in node.decorator_list):
                yield node.name, node
        elif isinstance(node, ast.ClassDef):
            yield node.name, node
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    yield target.id, node.value
        elif isinstance(node, ast.AnnAssign | ast.AugAssign) and isinstance(node.target, ast.Name) and node.value:
            yield node.target.id, node.value


def _top(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements of a body, those under `if`, `try` and `with` too; both arms count as bindings."""
    for node in body:
        yield node
        for arm in ("body", "orelse", "finalbody"):
            if isinstance(node, ast.If | ast.Try | ast.With) and not _for_checkers(node, arm):
                yield from _top(getattr(node, arm, []))
        for handler in getattr(node, "handlers", []):
            yield from _top(handler.body)


def _for_checkers(node: ast.stmt, arm: str) -> bool:
    return isinstance(node, ast.If) and arm == "body" and dotted_name(node.test).endswith("TYPE_CHECKING")


def _absolute(module: Module, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    parts = module.name.split(".")
    kept = parts[: len(parts) - node.level + (1 if module.is_package else 0)]
    return ".".join([*kept, *([node.module] if node.module else [])])
