"""The statements of one function, walked in order: what each name can be where an exception is raised.

A name has every value that some way through the statements gives it; a loop is walked until nothing new comes, and what
still grows becomes unknown. So a message that is bound earlier, bound anew, or bound in one of two branches is known at
its `raise` as exactly these. Used when the index is built, never in the product.
"""

import ast
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache

from audit.sites import Arguments, Position
from audit.template import MOST, Templates
from event._calls import End, end_of, message_of
from event._program import dotted_name, walk
from event._saying import UNKNOWN, Made, Saying, Scope, State, Values

Function = ast.FunctionDef | ast.AsyncFunctionDef
_ROUNDS = 3
_BINDS = ast.Assign | ast.AnnAssign


class Flow:
    """One walk; afterwards `raised`, `returned`, `handed_up` and `logged` hold what was met."""

    def __init__(self, scope: Scope, saying: Saying, wanted: frozenset[str]) -> None:
        self.raised: dict[Position, Values] = {}
        self.returned: Values = frozenset()
        self.handed_up: list[tuple[str, Arguments]] = []
        self.logged: dict[End, Templates] = {}
        self._scope, self._saying, self._wanted = scope, saying, wanted
        self._watchers: list[dict[str, Values]] = []

    def block(self, body: Iterable[ast.stmt], state: State | None) -> State | None:
        """Walk statements; returns the state after the last, or None when it is never reached."""
        for node in body:
            if state is None:
                return None
            state = self._statement(node, state)
        return state

    def _statement(self, node: ast.stmt, state: State) -> State | None:
        self._walruses(node, state)
        match node:
            case ast.Raise():
                if node.exc is not None:
                    made: Values = frozenset({Made(Arguments())}) if self._saying.is_class(node.exc) else frozenset()
                    self._raise(node, made or self._saying.of(node.exc, state))
                return None
            case ast.Assert():
                handed = (self._saying.texts(node.msg, state),) if node.msg else ()
                self._raise(node, frozenset({Made(Arguments(handed))}))
                return state
            case ast.Return():
                self.returned |= self._saying.of(node.value, state)
                return None
            case ast.Break() | ast.Continue():
                return None
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    self._assign(target, value, state)
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                self._assign(target, value, state)
            case ast.AugAssign(target=target, value=value):
                whole = ast.BinOp(left=_loaded(target), op=node.op, right=value)
                self._assign(target, whole, state)
            case ast.Expr(value=ast.Call() as call):
                self._hand_up(call, state)
                if (message := message_of(call)) is not None:
                    texts = self.logged.get(end_of(call), frozenset()) | self._saying.texts(message, state)
                    self.logged[end_of(call)] = texts
            case ast.If(body=body, orelse=other):
                return _joined(self.block(body, dict(state)), self.block(other, dict(state)))
            case ast.For() | ast.AsyncFor() | ast.While():
                return self._loop(node, state)
            case ast.Try() | ast.TryStar():
                return self._try(node, state)
            case ast.With() | ast.AsyncWith():
                return self._with(node, state)
            case ast.Match(cases=cases):
                return self._match(cases, state)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                self._set(state, name, UNKNOWN)
            case ast.Delete(targets=targets):
                for target in targets:
                    state.pop(dotted_name(target), None)
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                for alias in names:
                    self._set(state, (alias.asname or alias.name).partition(".")[0], UNKNOWN)
        return state

    def _raise(self, node: ast.Raise | ast.Assert, values: Values) -> None:
        position = position_of(node)
        self.raised[position] = self.raised.get(position, frozenset()) | values

    def _assign(self, target: ast.expr, value: ast.expr | None, state: State) -> None:
        if isinstance(target, ast.Tuple | ast.List):
            values: list[ast.expr | None] = [None] * len(target.elts)
            if isinstance(value, ast.Tuple | ast.List) and len(value.elts) == len(target.elts):
                values = list(value.elts)
            before = dict(state)
            for inner, its in zip(target.elts, values, strict=True):
                self._bind(inner, its, state, before)
        else:
            self._bind(target, value, state, state)

    def _bind(self, target: ast.expr, value: ast.expr | None, state: State, before: Mapping[str, Values]) -> None:
        if isinstance(target, ast.Starred | ast.Tuple | ast.List):
            for name in _stored(target):
                self._set(state, name, UNKNOWN)
            return
        name = dotted_name(target)
        if name not in self._wanted:
            return
        self._set(state, name, UNKNOWN if value is None else self._saying.of(value, before))
        if name == f"{self._scope.me}.args" and isinstance(value, ast.Tuple):
            call = ast.Call(func=target, args=value.elts, keywords=[])
            self.handed_up.append(("args", self._saying.arguments(call, before)))

    def _set(self, state: State, name: str, values: Values) -> None:
        if name not in self._wanted:
            return
        values = values if len(values) <= MOST else UNKNOWN
        state[name] = values
        for key in [key for key in state if key.startswith(f"{name}.")]:
            del state[key]
        for seen in self._watchers:
            seen[name] = seen.get(name, frozenset()) | values

    def _hand_up(self, call: ast.Call, state: State) -> None:
        """Note `super().__init__(…)` and `Base.__init__(self, …)`."""
        func = call.func
        if not isinstance(func, ast.Attribute) or func.attr != "__init__" or not self._scope.me:
            return
        if isinstance(func.value, ast.Call):
            if dotted_name(func.value.func) == "super":
                self.handed_up.append(("", self._saying.arguments(call, state)))
            return
        is_me = call.args and isinstance(call.args[0], ast.Name) and call.args[0].id == self._scope.me
        if is_me and (base := dotted_name(func.value)):
            bare = ast.Call(func=func, args=call.args[1:], keywords=call.keywords)
            self.handed_up.append((base, self._saying.arguments(bare, state)))

    def _walruses(self, node: ast.stmt, state: State) -> None:
        for inner in _expressions(node):
            if isinstance(inner, ast.NamedExpr) and inner.target.id in self._wanted:
                values = self._saying.of(inner.value, state)
                self._set(state, inner.target.id, values | state.get(inner.target.id, frozenset()))

    @contextmanager
    def _watching(self) -> Iterator[dict[str, Values]]:
        """Collect every value that is assigned meanwhile, by name."""
        seen: dict[str, Values] = {}
        self._watchers.append(seen)
        yield seen
        self._watchers.pop()

    def _loop(self, node: ast.For | ast.AsyncFor | ast.While, state: State) -> State | None:
        start = state
        for turn in range(_ROUNDS + 1):
            with self._watching() as seen:
                inner = dict(start)
                if not isinstance(node, ast.While):
                    self._assign(node.target, None, inner)
                self.block(node.body, inner)
            grown = _widened(state, seen)
            if grown == start:
                break
            start = grown if turn < _ROUNDS - 1 else {k: v if v == start.get(k) else UNKNOWN for k, v in grown.items()}
        return _joined(self.block(node.orelse, dict(start)), dict(start))

    def _try(self, node: ast.Try | ast.TryStar, state: State) -> State | None:
        with self._watching() as seen:
            *body, last = node.body
            with self._watching() as done:
                before_last = self.block(body if isinstance(last, _BINDS) else node.body, dict(state))
            if isinstance(last, _BINDS):  # where it fails, it has bound nothing: its values never reach a handler
                before_last = self.block([last], before_last)
            end = self.block(node.orelse, before_last)
            for handler in node.handlers:
                before = _widened(state, done)
                if handler.name:
                    self._set(before, handler.name, UNKNOWN)
                end = _joined(end, self.block(handler.body, before))
        if not node.finalbody:
            return end
        anyhow = self.block(node.finalbody, _widened(state, seen))
        return None if end is None or anyhow is None else self.block(node.finalbody, end)

    def _with(self, node: ast.With | ast.AsyncWith, state: State) -> State | None:
        """Walk a `with`; its body may end early and the rest be reached all the same (contextlib.suppress)."""
        with self._watching() as seen:
            for item in node.items:
                if item.optional_vars is not None:
                    self._assign(item.optional_vars, None, state)
            end = self.block(node.body, dict(state))
        return end if end is not None else _widened(state, seen)

    def _match(self, cases: Iterable[ast.match_case], state: State) -> State | None:
        end: State | None = dict(state)
        for case in cases:
            inner = dict(state)
            for pattern in walk(case.pattern):
                name = getattr(pattern, "name", None) or getattr(pattern, "rest", None)
                if isinstance(name, str):
                    self._set(inner, name, UNKNOWN)
            end = _joined(end, self.block(case.body, inner))
        return end


def position_of(node: ast.stmt | ast.expr) -> Position:
    """Return first line, last line, first and last column, as the interpreter gives them for an instruction."""
    return node.lineno, node.end_lineno or node.lineno, node.col_offset, node.end_col_offset or 0


@cache
def wanted_names(function: ast.AST, is_summary: bool) -> frozenset[str]:
    """Return the names on which exceptions and log messages (with `is_summary`, results) of a function depend."""
    roots: list[ast.AST] = []
    sources: dict[str, list[ast.AST]] = {}
    for node in walk(function):
        if isinstance(node, ast.Raise | ast.Assert) or (is_summary and _is_result(node)):
            roots.append(node)
        elif isinstance(node, ast.Call):
            roots += [message] if not is_summary and (message := message_of(node)) is not None else []
        elif isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign | ast.NamedExpr) and node.value is not None:
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                for name in _stored(target):
                    sources.setdefault(name, []).append(node.value)
                    if is_summary and name.endswith(".args"):
                        roots.append(target)
    found: set[str] = set()
    while roots:
        used = walk(roots.pop())
        fresh = {dotted_name(n) for n in used if isinstance(n, ast.Name | ast.Attribute)} - found - {""}
        found |= fresh
        roots += [value for name in fresh for value in sources.get(name, [])]
    return frozenset(found)


def _is_result(node: ast.AST) -> bool:
    return isinstance(node, ast.Return) or (isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "__init__")


@cache
def own_names(function: Function) -> tuple[frozenset[str], frozenset[str]]:
    """Return the names that belong to a function, and those that another scope can change under it."""
    spec = function.args
    own = {a.arg for a in (*spec.posonlyargs, *spec.args, *spec.kwonlyargs, spec.vararg, spec.kwarg) if a is not None}
    aside: set[str] = set()
    for node in walk(function):
        if isinstance(node, ast.Global | ast.Nonlocal):
            aside.update(node.names)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            own.add(node.id)
        elif isinstance(node, ast.ExceptHandler) and node.name:
            own.add(node.name)
        elif isinstance(node, ast.alias):
            own.add((node.asname or node.name).partition(".")[0])
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and node is not function:
            own.add(node.name)
    return frozenset(own), frozenset(aside)


def seeded(function: Function, scope: Scope, saying: Saying) -> State:
    """Return the state before the first statement: class attributes that the function may set on `self`."""
    state: State = {}
    for node in walk(function):
        name = dotted_name(node) if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) else ""
        if scope.me and name.startswith(f"{scope.me}."):
            state[name] = saying.of_class(name.partition(".")[2], is_set_here=True)
    return state


def _stored(target: ast.expr) -> Iterator[str]:
    if isinstance(target, ast.Tuple | ast.List):
        for element in target.elts:
            yield from _stored(element)
    elif isinstance(target, ast.Starred):
        yield from _stored(target.value)
    elif name := dotted_name(target):
        yield name


def _loaded(target: ast.expr) -> ast.expr:
    if isinstance(target, ast.Name):
        return ast.Name(id=target.id, ctx=ast.Load())
    if isinstance(target, ast.Attribute):
        return ast.Attribute(value=target.value, attr=target.attr, ctx=ast.Load())
    return target


def _expressions(node: ast.stmt) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.expr):
            yield from walk(child)


def _joined(left: State | None, right: State | None) -> State | None:
    if left is None or right is None:
        return right if left is None else left
    return {name: left.get(name, frozenset()) | right.get(name, frozenset()) for name in left.keys() | right.keys()}


def _widened(state: State, seen: Mapping[str, Values]) -> State:
    return {name: state.get(name, frozenset()) | seen.get(name, frozenset()) for name in state.keys() | seen.keys()}
