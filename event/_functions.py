"""Functions as a build reads them: what one returns for given arguments, and what a class makes of those of a raise.

Binding follows Python's own rules for parameters; what a call leaves open stays unknown. Used when the index is built,
never in the product.
"""

import ast
import builtins
from dataclasses import dataclass, replace

from audit.sites import Arguments
from audit.template import ANYTHING, Hole, Templates
from event._flow import Flow, Function, own_names, seeded, wanted_names
from event._program import Builtin, Found, Program, class_body, dotted_name, walk
from event._saying import UNKNOWN, Saying, Scope, State, Values

_DEPTH = 3
_PLAIN = frozenset({"staticmethod", "classmethod"})


@dataclass(frozen=True, slots=True)
class Handed:
    """What a class hands on to `args`: every way, and whether `args` can stay as the raise passed them."""

    ways: tuple[Arguments, ...]
    as_passed: bool


class Functions:
    """Reads functions of one program."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self._known: dict[tuple[int, Arguments, str], Values] = {}

    def follow(self, found: Found, given: Arguments, caller: Scope, owner: Found | None) -> Values:
        """Return the values that a call of `found` returns; unknown for generators and decorated functions."""
        function = found.node
        if not isinstance(function, Function) or caller.depth >= _DEPTH or not _is_plain(function):
            return UNKNOWN
        key = id(function), given, owner.qualname if owner else ""
        if key not in self._known:
            self._known[key] = UNKNOWN  # what calls itself is unknown
            skips = owner is not None and "staticmethod" not in _decorators(function)
            flow = self.walk(found, given, owner, skips, caller.depth + 1)
            self._known[key] = flow.returned or UNKNOWN
        return self._known[key]

    def walk(self, found: Found, given: Arguments | None, owner: Found | None, skips: bool, depth: int = 0) -> Flow:
        """Walk a function with its parameters bound to `given`, or to holes that bear their names."""
        function = found.node
        if not isinstance(function, Function):
            raise TypeError(f"{found.qualname!r} is no function: ask find() for one first")
        wanted = wanted_names(function, is_summary=True)
        own, aside = own_names(function)
        names = [a.arg for a in (*function.args.posonlyargs, *function.args.args)]
        me = (
            names.pop(0)
            if names and (skips or (owner is not None and "staticmethod" not in _decorators(function)))
            else ""
        )
        scope = Scope(self.program, found.module, owner, me, own, depth=depth, aside=aside)
        scope = replace(scope, more=function.args.kwarg.arg if function.args.kwarg else "")
        scope = self._with_rest(scope, function, names, given)
        saying = Saying(scope, self.follow)
        state = self._bound(function, names, given, saying) | seeded(function, scope, saying)
        flow = Flow(scope, saying, wanted)
        if flow.block(function.body, {k: v for k, v in state.items() if k in wanted or "." in k}) is not None:
            flow.returned |= UNKNOWN
        return flow

    def _with_rest(self, scope: Scope, function: Function, names: list[str], given: Arguments | None) -> Scope:
        if function.args.vararg is None:
            return scope
        if given is None:
            return replace(scope, rest=function.args.vararg.arg, rest_from=len(names), rest_open=False)
        left = given.positional[len(names) :]
        first = given.rest + max(0, len(names) - len(given.positional)) if given.rest >= 0 else -1
        return replace(scope, rest=function.args.vararg.arg, rest_given=left, rest_from=first, rest_open=given.is_open)

    def _bound(self, function: Function, names: list[str], given: Arguments | None, saying: Saying) -> State:
        defaults = self.defaults(function, saying)
        keyword_only = [a.arg for a in function.args.kwonlyargs]
        if given is None:
            return {name: frozenset({(Hole(name),)}) for name in (*names, *keyword_only)}
        named = dict(given.keywords)
        state: State = {}
        for number, name in enumerate((*names, *keyword_only)):
            is_positional = number < len(names)
            after = number - len(given.positional)
            if is_positional and after < 0:
                state[name] = frozenset(given.positional[number])
            elif name in named:
                state[name] = frozenset(named[name])
            elif is_positional and given.rest >= 0:
                state[name] = frozenset({(Hole(f"#{given.rest + after}"),)})
            elif (is_positional and given.is_open) or "**" in named:
                state[name] = UNKNOWN
            else:
                state[name] = frozenset(defaults.get(name, ANYTHING))
        return state

    def defaults(self, function: Function, saying: Saying) -> dict[str, Templates]:
        """Return what each parameter is when it is not given."""
        spec = function.args
        positional = [*spec.posonlyargs, *spec.args]
        pairs = list(zip(positional[len(positional) - len(spec.defaults) :], spec.defaults, strict=True))
        pairs += [(a, d) for a, d in zip(spec.kwonlyargs, spec.kw_defaults, strict=True) if d is not None]
        return {parameter.arg: saying.texts(default, {}) for parameter, default in pairs}


class Lineage:
    """How the `__init__` of a class and of its bases, one calling the next, make `args`."""

    def __init__(self, functions: Functions, found: Found) -> None:
        self._functions = functions
        self._owner = found
        self._line = functions.program.lineage(found)
        self.inits: list[Found] = []

    def is_error(self) -> bool:
        """Say whether the class seems to be an exception: by a base of the interpreter, or by its name."""
        kinds = [getattr(builtins, a.name, None) for a in self._line if isinstance(a, Builtin)]
        if any(isinstance(kind, type) and issubclass(kind, BaseException) for kind in kinds):
            return True
        return None in self._line and self._owner.qualname.endswith(("Error", "Exception", "Warning"))

    def first(self) -> Found | None:
        """Return the first `__init__`, or None when there is none, or a base before it is not known."""
        for number, ancestor in enumerate(self._line):
            if not isinstance(ancestor, Found):
                return None
            if "__init__" in _body(ancestor):
                return self._init(number)
        return None

    def handed(self) -> Handed | None:
        """Return what becomes of the parameters of the first `__init__`; None when that cannot be told."""
        self.inits = [init for n in range(len(self._line)) if (init := self._init(n)) is not None]
        return self._through(0, None)

    def _init(self, number: int) -> Found | None:
        ancestor = self._line[number]
        nodes = _body(ancestor).get("__init__", []) if isinstance(ancestor, Found) else []
        if len(nodes) != 1 or not isinstance(nodes[0], ast.FunctionDef) or not isinstance(ancestor, Found):
            return None
        return Found(ancestor.module, nodes[0], f"{ancestor.qualname}.__init__")

    def _through(self, number: int, given: Arguments | None) -> Handed | None:
        for at in range(number, len(self._line)):
            ancestor = self._line[at]
            if ancestor is None:
                return None
            if isinstance(ancestor, Builtin):
                return Handed((given,), False) if given is not None else None
            if "__init__" not in _body(ancestor):
                continue
            init = self._init(at)
            return self._within(init, at, given) if init is not None else None
        return Handed((given,), False) if given is not None else None

    def _within(self, init: Found, at: int, given: Arguments | None) -> Handed | None:
        flow = self._functions.walk(init, given, self._owner, skips=True, depth=1)
        ways: list[Arguments] = []
        as_passed = not _is_certain(init.node)
        for base, arguments in flow.handed_up:
            further = Handed((arguments,), False) if base == "args" else self._through(self._next(base, at), arguments)
            if further is None:
                return None
            ways += further.ways
            as_passed = as_passed or further.as_passed
        return Handed(tuple(dict.fromkeys(ways)), as_passed)

    def _next(self, base: str, at: int) -> int:
        """Return where in the line the next `__init__` is looked for: after this class, or from a base by name."""
        last = base.rpartition(".")[2]
        for number, ancestor in enumerate(self._line):
            name = ancestor.name if isinstance(ancestor, Builtin) else ancestor.qualname if ancestor else ""
            if base and name.rpartition(".")[2] == last:
                return number
        return at + 1 if not base else len(self._line) - 1


def _body(ancestor: Found) -> dict[str, list[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.expr]]:
    return class_body(ancestor.node) if isinstance(ancestor.node, ast.ClassDef) else {}


def _decorators(function: Function) -> set[str]:
    return {dotted_name(node) for node in function.decorator_list}


def _is_plain(function: Function) -> bool:
    makes_no_generator = not any(isinstance(node, ast.Yield | ast.YieldFrom) for node in walk(function))
    return _decorators(function) <= _PLAIN and makes_no_generator


def _is_certain(function: ast.AST) -> bool:
    """Say whether an `__init__` always hands up: a call of another `__init__`, or `self.args = …`, not in a branch."""
    for node in getattr(function, "body", []):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            if getattr(node.value.func, "attr", "") == "__init__":
                return True
        elif isinstance(node, ast.Assign) and any(getattr(t, "attr", "") == "args" for t in node.targets):
            return True
        elif any(isinstance(inner, ast.Return) for inner in walk(node)):
            return False
    return False
