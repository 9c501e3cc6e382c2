"""What an expression of the source can say: templates of a text, or the arguments of an exception that it makes.

The answer covers every value that the expression can have as far as the source tells; a value that cannot be told is a
hole that fits anything. Used when the index is built, never in the product.
"""

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache

from audit.sites import Arguments
from audit.template import ANYTHING, HOLE, NO_TEXT, Template, Templates, bounded, join_all, literal, percent
from event._formats import braces
from event._program import Builtin, Found, Module, Program, class_body, dotted_name, walk

GETTEXT = frozenset({"_", "_l", "N_", "gettext", "gettext_lazy", "lazy_gettext", "ngettext", "pgettext", "npgettext"})
_SAYS_NOTHING = frozenset(
    {"type", "len", "repr", "format", "int", "float", "getattr", "sorted", "list", "tuple", "dict"}
)


@dataclass(frozen=True, slots=True)
class Made:
    """An exception made by a call: what the call hands over."""

    arguments: Arguments


Value = Template | Made
Values = frozenset[Value]
State = dict[str, Values]
UNKNOWN: Values = frozenset({HOLE})
Follow = Callable[[Found, Arguments, "Scope", Found | None], Values]


@dataclass(frozen=True, slots=True)
class Scope:
    """Where an expression stands: module, class, the function's own names and special parameters."""

    program: Program
    module: Module
    owner: Found | None = None
    me: str = ""
    own: frozenset[str] = frozenset()
    rest: str = ""
    rest_given: tuple[Templates, ...] = ()
    rest_from: int = -1
    rest_open: bool = True
    more: str = ""
    depth: int = 0
    aside: frozenset[str] = field(default=frozenset())


class Saying:
    """Reads expressions of one scope; `follow` reads the function that a call names."""

    def __init__(self, scope: Scope, follow: Follow) -> None:
        self._scope = scope
        self._follow = follow

    def texts(self, node: ast.expr, state: Mapping[str, Values]) -> Templates:
        """Return what the expression can say as a text."""
        return bounded(frozenset(value if isinstance(value, tuple) else HOLE for value in self.of(node, state)))

    def of(self, node: ast.expr | None, state: Mapping[str, Values]) -> Values:
        """Return every value that the expression can have."""
        match node:
            case ast.Constant(value=str(text)):
                return frozenset({literal(text)})
            case ast.Constant() | None:
                return frozenset({NO_TEXT})
            case ast.JoinedStr(values=pieces):
                return frozenset(join_all(self._piece(piece, state) for piece in pieces))
            case ast.BinOp(op=ast.Add(), left=left, right=right):
                return self._sum(self.texts(left, state), self.texts(right, state))
            case ast.BinOp(op=ast.Mod(), left=left, right=right):
                return self._percent(left, right, state)
            case ast.IfExp(body=body, orelse=other):
                return self.of(body, state) | self.of(other, state)
            case ast.BoolOp(values=operands):
                return frozenset().union(*(self.of(operand, state) for operand in operands))
            case ast.NamedExpr(value=inner) | ast.Await(value=inner):
                return self.of(inner, state)
            case ast.Name() | ast.Attribute():
                return self._named(node, state)
            case ast.Call():
                return self._call(node, state)
        return UNKNOWN

    def is_class(self, node: ast.expr) -> bool:
        """Say whether the expression names a class, which `raise` then calls without arguments."""
        name = dotted_name(node)
        if not name or name.partition(".")[0] in self._scope.own:
            return False
        found = self._scope.program.find(self._scope.module, name)
        return isinstance(found, Builtin) or (found is not None and isinstance(found.node, ast.ClassDef))

    def arguments(self, node: ast.Call, state: Mapping[str, Values]) -> Arguments:
        """Return what a call hands over."""
        positional: list[Templates] = []
        rest, is_open = -1, False
        for argument in node.args:
            if isinstance(argument, ast.Starred):
                is_rest = isinstance(argument.value, ast.Name) and argument.value.id == self._scope.rest != ""
                if not is_rest or rest >= 0 or is_open:
                    rest, is_open = -1, True
                    continue
                positional += self._scope.rest_given
                rest, is_open = self._scope.rest_from, self._scope.rest_open
            elif rest >= 0 or is_open:
                rest, is_open = -1, True
            else:
                positional.append(self.texts(argument, state))
        named = {k.arg: self.texts(k.value, state) for k in node.keywords if k.arg is not None}
        if any(k.arg is None and dotted_name(k.value) != self._scope.more for k in node.keywords):
            named["**"] = ANYTHING
        return Arguments(tuple(positional), tuple(sorted(named.items())), rest, is_open)

    def _piece(self, piece: ast.expr, state: Mapping[str, Values]) -> Templates:
        if isinstance(piece, ast.FormattedValue):
            return (
                self.texts(piece.value, state) if piece.conversion in (-1, 115) and not piece.format_spec else ANYTHING
            )
        return self.texts(piece, state)

    def _sum(self, left: Templates, right: Templates) -> Values:
        if not any(isinstance(part, str) for template in left | right for part in template):
            return UNKNOWN
        return frozenset(join_all([left, right]))

    def _percent(self, left: ast.expr, right: ast.expr, state: Mapping[str, Values]) -> Values:
        by: dict[str | int, Templates] = {}
        if isinstance(right, ast.Tuple) and not any(isinstance(e, ast.Starred) for e in right.elts):
            by = {number: self.texts(element, state) for number, element in enumerate(right.elts)}
        elif isinstance(right, ast.Dict):
            named = zip(right.keys, right.values, strict=True)
            by = {
                k.value: self.texts(v, state) for k, v in named if isinstance(k, ast.Constant) and type(k.value) is str
            }
        elif isinstance(right, ast.JoinedStr | ast.Constant):
            by = {0: self.texts(right, state)}
        return self._formatted(left, state, lambda text: percent(text, lambda name: by.get(name, ANYTHING)))

    def _formatted(
        self, node: ast.expr, state: Mapping[str, Values], form: Callable[[str], Templates]
    ) -> frozenset[Value]:
        """Return the formats that `node` can be, filled in; a format that is not wholly literal can become anything."""
        found: set[Value] = set()
        for template in self.texts(node, state):
            known = len(template) == 1 and isinstance(template[0], str)
            found |= form(str(template[0])) if known else ({()} if not template else ANYTHING)
        return frozenset(found)

    def _named(self, node: ast.Name | ast.Attribute, state: Mapping[str, Values]) -> Values:
        name = dotted_name(node)
        first, _, rest = name.partition(".")
        if not name or first in self._scope.aside:
            return UNKNOWN
        if name in state:
            return state[name]
        if self._scope.owner is not None and rest and first == self._scope.me:
            return self.of_class(rest)
        if first in self._scope.own:
            return UNKNOWN
        return self._constant(self._scope.program.find(self._scope.module, name))

    def of_class(self, name: str, is_set_here: bool = False) -> Values:
        """Return what an attribute of `self` is by the bodies of its class and bases, if no method sets it."""
        if self._scope.owner is None:
            return UNKNOWN
        for ancestor in self._scope.program.lineage(self._scope.owner):
            if not isinstance(ancestor, Found) or not isinstance(ancestor.node, ast.ClassDef):
                return UNKNOWN
            if "." in name or (name in _stored_attributes(ancestor.node) and not is_set_here):
                return UNKNOWN
            if nodes := class_body(ancestor.node).get(name):
                return self._constant(Found(ancestor.module, nodes[0])) if len(nodes) == 1 else UNKNOWN
        return UNKNOWN

    def _constant(self, found: Found | Builtin | None) -> Values:
        """Return the value of a name of a module or class: only what is spelled out there."""
        if not isinstance(found, Found) or not isinstance(found.node, ast.expr):
            return UNKNOWN
        if isinstance(found.node, ast.Name | ast.Attribute) or self._scope.depth > 1:
            return UNKNOWN
        outside = Scope(self._scope.program, found.module, depth=self._scope.depth + 1)
        return frozenset(Saying(outside, self._follow).texts(found.node, {}))

    def _call(self, node: ast.Call, state: Mapping[str, Values]) -> Values:
        name = dotted_name(node.func)
        last = name.rpartition(".")[2]
        if isinstance(node.func, ast.Attribute):
            how = _METHODS.get(node.func.attr)
            if how is not None and (said := how(self, node, node.func, state)) is not None:
                return said
        if last in GETTEXT:
            skipped = last in {"pgettext", "npgettext"}
            shown = [self.texts(a, state) for a in node.args[skipped:3] if isinstance(a, ast.Constant)]
            return frozenset(template for templates in shown for template in templates) - {NO_TEXT} or UNKNOWN
        if name == "str" and len(node.args) == 1:
            return frozenset(self.texts(node.args[0], state))
        if name in _SAYS_NOTHING:
            return UNKNOWN
        called = self._called(name)
        if called is not None and isinstance(called[0].node, ast.FunctionDef | ast.AsyncFunctionDef):
            return self._follow(called[0], self.arguments(node, state), self._scope, called[1])
        return frozenset({Made(self.arguments(node, state))})

    def _called(self, name: str) -> tuple[Found, Found | None] | None:
        """Return the function or class that a call names, and the class that it is a method of."""
        first, _, rest = name.partition(".")
        if self._scope.owner is not None and first == self._scope.me and rest.isidentifier():
            for ancestor in self._scope.program.lineage(self._scope.owner):
                if not isinstance(ancestor, Found) or not isinstance(ancestor.node, ast.ClassDef):
                    return None
                if nodes := class_body(ancestor.node).get(rest):
                    return (Found(ancestor.module, nodes[0], rest), self._scope.owner) if len(nodes) == 1 else None
            return None
        if not name or first in self._scope.own:
            return None
        found = self._scope.program.find(self._scope.module, name)
        if not isinstance(found, Found):
            return None
        owner, _, _ = name.rpartition(".")
        of = self._scope.program.find(self._scope.module, owner) if owner else None
        return found, of if isinstance(of, Found) and isinstance(of.node, ast.ClassDef) else None

    def _format(self, node: ast.Call, func: ast.Attribute, state: Mapping[str, Values]) -> Values | None:
        given = self.arguments(node, state)
        is_known = not given.is_open and given.rest < 0
        positional = given.positional if is_known else ()
        keywords = dict(given.keywords)
        return self._formatted(func.value, state, lambda text: braces(text, positional, keywords))

    def _join(self, node: ast.Call, func: ast.Attribute, state: Mapping[str, Values]) -> Values | None:
        if len(node.args) != 1 or not isinstance(node.args[0], ast.List | ast.Tuple):
            return UNKNOWN
        between, elements = self.texts(func.value, state), node.args[0].elts
        if any(isinstance(element, ast.Starred) for element in elements):
            return UNKNOWN
        pieces = [piece for element in elements for piece in (between, self.texts(element, state))][1:]
        return frozenset(join_all(pieces))

    def _same(self, _node: ast.Call, func: ast.Attribute, state: Mapping[str, Values]) -> Values | None:
        return self.of(func.value, state)


_METHODS: dict[str, Callable[[Saying, ast.Call, ast.Attribute, Mapping[str, Values]], Values | None]] = {
    "format": Saying._format,
    "join": Saying._join,
    "with_traceback": Saying._same,
}


@cache
def _stored_attributes(node: ast.ClassDef) -> frozenset[str]:
    stored = (n for n in walk(node) if isinstance(n, ast.Attribute) and isinstance(n.ctx, ast.Store | ast.Del))
    return frozenset(n.attr for n in stored)
