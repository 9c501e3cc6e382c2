"""The sites of a release: what each `raise` and `assert` of its source can say, and each call of `logging`.

Code is recognised by its instructions, so it is compiled here with the interpreter that the product will run with; it
is not run. A raise or an exception class of a library is read in the same way as the product's own.
"""

import ast
import dis
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import CodeType
from typing import TypeGuard

from audit.sites import Arguments, Construct, Marks, Position, Site, Sites
from audit.template import ANYTHING, Hole, Template, Templates, bounded, has_words, join
from event._calls import End, calling, end_of, message_of
from event._fingerprint import fingerprint
from event._flow import Flow, Function, own_names, position_of, seeded, wanted_names
from event._functions import Functions, Lineage
from event._program import Found, Module, Program, class_body, walk
from event._saying import UNKNOWN, Made, Saying, Scope, State, Values

RAISES = dis.opmap["RAISE_VARARGS"]
OPTIMISED = (0, 1, 2)
Prints = dict[tuple[str, str, int], set[str]]


@dataclass(frozen=True, slots=True)
class Shipped:
    """One module of the release: its file, its bytes and its syntax tree."""

    path: Path
    data: bytes
    module: Module

    def compiled(self) -> Iterator[CodeType]:
        """Yield the module's code for each way of optimising, the plain one first."""
        asserts = b"assert" in self.data or b"__debug__" in self.data
        for level in OPTIMISED if asserts else (0, 2):  # without these, only documentation makes a difference
            yield compile(self.data, str(self.path), "exec", dont_inherit=True, optimize=level)


@dataclass(frozen=True, slots=True)
class Read:
    """What was read: raises and calls of `logging` of each module that has some, classes, the plain code of all."""

    raises: Mapping[str, Sites]
    classes: Mapping[str, Construct]
    logs: Mapping[str, Sites]
    plain: Mapping[str, CodeType]


def read(shipped: Mapping[str, Shipped], told: Callable[[str], None]) -> Read:
    """Return the raise sites of all modules; `told` hears the name of each when its turn comes.

    Raises SyntaxError for a source that cannot be compiled, RuntimeError in an interpreter that keeps no columns,
    where an instruction cannot be told from its neighbour on the line.
    """
    if None in list(read.__code__.co_positions())[-1]:
        raise RuntimeError(
            "this interpreter keeps no columns: build without -X no_debug_ranges and PYTHONNODEBUGRANGES"
        )
    modules = {name: one.module for name, one in shipped.items()}
    functions = Functions(Program(modules))
    raises: dict[str, Sites] = {}
    logs: dict[str, Sites] = {}
    plain: dict[str, CodeType] = {}
    prints: Prints = {}
    for name, one in shipped.items():
        told(name)
        sites, calls = _sites(functions, one.module)
        is_plain = not sites and not calls and b"__init__" not in one.data
        code, *others = islice(one.compiled(), 1) if is_plain else one.compiled()
        plain[name] = code
        marks = _marks([code, *others], one.module, sites, prints)
        if sites:
            raises[name] = Sites(marks, sites)
        if calls:
            logs[name] = Sites(_call_marks([code, *others], calls), tuple(calls.values()))
    return Read(raises, _classes(functions, modules, prints), logs, plain)


def _sites(functions: Functions, module: Module) -> tuple[tuple[Site, ...], dict[End, Site]]:
    """Return what every `raise` of a module hands over, and what calls of `logging` say, in the order of the source."""
    raised: dict[Position, Values] = {}
    logged: dict[End, Templates] = {}
    for body, scope, state, saying, wanted in _bodies(functions, module):
        flow = Flow(scope, saying, wanted)
        flow.block(body, dict(state))
        for position, values in flow.raised.items():
            raised[position] = raised.get(position, frozenset()) | values
        for end, texts in flow.logged.items():
            logged[end] = bounded(logged.get(end, frozenset()) | texts)
    every = {position_of(node) for node in module.nodes if isinstance(node, ast.stmt) and _can_raise(node)}
    sites = tuple(Site(position, _merged(raised.get(position, UNKNOWN))) for position in sorted(every))
    return sites, dict(_calls(module, logged))


def _calls(module: Module, logged: Mapping[End, Templates]) -> Iterator[tuple[End, Site]]:
    """Yield the calls of `logging` that say words, in the order of their ends."""
    calls = {end_of(node): position_of(node) for node in module.nodes if isinstance(node, ast.Call)}
    for end, texts in sorted(logged.items(), key=lambda item: item[0]):
        templates = _nameless(texts)
        if any(map(has_words, templates)) and end in calls:
            yield end, Site(calls[end], Arguments((templates,)))


def _call_marks(codes: Iterable[CodeType], calls: Mapping[End, Site]) -> dict[str, Marks]:
    """Return code → instruction → call."""
    numbers = {end: number for number, end in enumerate(calls)}
    marks: dict[str, Marks] = {}
    for code in (inner for whole in codes for inner in _codes(whole)):
        if found := {offset: numbers[end] for offset, end in calling(code) if end in numbers}:
            marks[fingerprint(code)] = found
    return marks


def _can_raise(node: ast.AST) -> bool:
    return isinstance(node, ast.Assert) or (isinstance(node, ast.Raise) and node.exc is not None)


def _says(node: ast.AST) -> TypeGuard[ast.Raise | ast.Assert | ast.Call]:
    return isinstance(node, ast.Raise | ast.Assert) or (isinstance(node, ast.Call) and message_of(node) is not None)


def _bodies(
    functions: Functions, module: Module
) -> Iterator[tuple[list[ast.stmt], Scope, State, Saying, frozenset[str]]]:
    """Yield every body of statements of a module: its own, those of classes and of functions."""
    lines = sorted(node.lineno for node in module.nodes if _says(node))
    waiting: list[tuple[ast.AST, Found | None, str]] = [(module.tree, None, "")]
    while waiting:
        node, owner, prefix = waiting.pop()
        if isinstance(node, ast.Module | ast.ClassDef) and _holds(node, lines):
            scope = Scope(functions.program, module)
            yield node.body, scope, {}, Saying(scope, functions.follow), wanted_names(node, is_summary=False)
        elif isinstance(node, Function) and _holds(node, lines):
            yield _function(functions, module, node, owner)
        for inner in _inner(node):
            name = prefix + inner.name
            if isinstance(inner, ast.ClassDef):
                waiting.append((inner, Found(module, inner, name), f"{name}."))
            else:
                within = owner if isinstance(node, ast.ClassDef) else None
                waiting.append((inner, within, f"{name}.<locals>."))


def _holds(node: ast.Module | ast.ClassDef | Function, lines: Sequence[int]) -> bool:
    """Say whether one of `lines`, which ascend, lies within a node."""
    if isinstance(node, ast.Module):
        return bool(lines)
    at = bisect_left(lines, node.lineno)
    return at < len(lines) and lines[at] <= (node.end_lineno or node.lineno)


def _function(
    functions: Functions, module: Module, node: Function, owner: Found | None
) -> tuple[list[ast.stmt], Scope, State, Saying, frozenset[str]]:
    own, aside = own_names(node)
    names = [a.arg for a in (*node.args.posonlyargs, *node.args.args)]
    is_method = owner is not None and not any(getattr(d, "id", "") == "staticmethod" for d in node.decorator_list)
    scope = Scope(functions.program, module, owner, names[0] if names and is_method else "", own, aside=aside)
    saying = Saying(scope, functions.follow)
    state: State = {a.arg: UNKNOWN for a in walk(node.args) if isinstance(a, ast.arg)}
    state |= seeded(node, scope, saying) if is_method else {}
    wanted = wanted_names(node, is_summary=False)
    return node.body, scope, {k: v for k, v in state.items() if k in wanted}, saying, wanted


def _inner(node: ast.AST) -> Iterator[Function | ast.ClassDef]:
    """Yield the functions and classes directly inside, also those under an `if` or a `try`."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, Function | ast.ClassDef):
            yield child
        elif not isinstance(child, ast.expr):
            yield from _inner(child)


def _merged(values: Values) -> Arguments:
    """Return one description of all that a raise can hand over; nothing is known when one way is not known."""
    made = [value.arguments for value in values if isinstance(value, Made)]
    if not made or len(made) < len(values):
        return Arguments(is_open=True)
    if any({name for name, _ in one.keywords} != {name for name, _ in made[0].keywords} for one in made):
        return Arguments(is_open=True)
    most = max(len(one.positional) for one in made)
    if any(one.is_open and len(one.positional) < most for one in made):
        return Arguments(is_open=True)
    positional = tuple(
        _nameless(frozenset().union(*(one.positional[n] for one in made if n < len(one.positional))))
        for n in range(most)
    )
    names = [name for name, _ in made[0].keywords]
    keywords = tuple((n, _nameless(frozenset().union(*(dict(one.keywords)[n] for one in made)))) for n in names)
    return Arguments(positional, keywords, -1, any(one.is_open or one.rest >= 0 for one in made))


def _nameless(templates: Templates) -> Templates:
    """Return templates whose holes bear no names; where one of them fits anything, the others tell nothing."""
    found = bounded(frozenset(map(_without_names, templates)))
    return ANYTHING if (Hole(),) in found else found


def _without_names(template: Template) -> Template:
    if len(template) == 1:
        return template if template[0] == Hole("-") or isinstance(template[0], str) else (Hole(),)
    return join(*((part if isinstance(part, str) else Hole(),) for part in template))


def _marks(codes: Iterable[CodeType], module: Module, sites: Sequence[Site], prints: Prints) -> dict[str, Marks]:
    """Return code → instruction → site, and note the fingerprints of every function that raises or makes an object."""
    places = _Places(module, sites)
    marks: dict[str, Marks] = {}
    for code in (inner for whole in codes for inner in _codes(whole)):
        found = {offset: n for offset, position in _raising(code) if (n := places.site(position)) is not None}
        if found or code.co_name == "__init__":
            print_ = fingerprint(code)
            prints.setdefault((module.name, code.co_qualname, code.co_firstlineno), set()).add(print_)
            if found:
                marks[print_] = found
    return marks


class _Places:
    """Positions of instructions → sites. An `assert` raises at the position of its test, which lies within it."""

    def __init__(self, module: Module, sites: Sequence[Site]) -> None:
        self._number = {site.position: n for n, site in enumerate(sites)}
        self._asserts = [position_of(node) for node in module.nodes if isinstance(node, ast.Assert)]

    def site(self, position: Position) -> int | None:
        """Return the number of the site that an instruction at `position` belongs to."""
        exact = self._number.get(position)
        if exact is not None:
            return exact
        around = [a for a in self._asserts if _starts(a) <= _starts(position) and _ends(position) <= _ends(a)]
        return self._number[max(around, key=_starts)] if around else None


def _starts(position: Position) -> tuple[int, int]:
    return position[0], position[2]


def _ends(position: Position) -> tuple[int, int]:
    return position[1], position[3]


def _codes(module: CodeType) -> Iterator[CodeType]:
    waiting = [module]
    while waiting:
        code = waiting.pop()
        yield code
        waiting.extend(const for const in code.co_consts if isinstance(const, CodeType))


def _raising(code: CodeType) -> Iterator[tuple[int, Position]]:
    """Yield the offset of every raising instruction, and the position of its statement."""
    for number, (first, last, column, end) in enumerate(code.co_positions()):
        if code.co_code[2 * number] == RAISES and None not in (first, last, column, end):
            yield 2 * number, (first or 0, last or 0, column or 0, end or 0)


def _classes(
    functions: Functions, modules: Mapping[str, Module], prints: Mapping[tuple[str, str, int], set[str]]
) -> dict[str, Construct]:
    """Return what each class with an `__init__`, of its own or inherited, makes of the arguments of a raise."""
    found: dict[str, Construct] = {}
    for name, module in modules.items():
        for qualname, node in named_classes(module.tree, ""):
            construct = _construct(functions, Found(module, node, qualname), prints)
            if construct is not None:
                found[f"{stated_module(node) or name}.{qualname}"] = construct
    return found


def stated_module(node: ast.ClassDef) -> str:
    """Return the `__module__` that a class body states, as some libraries do to show shorter names."""
    stated = class_body(node).get("__module__", [])
    value = stated[0].value if len(stated) == 1 and isinstance(stated[0], ast.Constant) else ""
    return value if isinstance(value, str) else ""


def named_classes(tree: ast.AST, prefix: str) -> Iterator[tuple[str, ast.ClassDef]]:
    for node in _inner(tree):
        name = prefix + node.name
        if isinstance(node, ast.ClassDef):
            yield name, node
        yield from named_classes(node, f"{name}." if isinstance(node, ast.ClassDef) else f"{name}.<locals>.")


def _construct(functions: Functions, found: Found, prints: Mapping[tuple[str, str, int], set[str]]) -> Construct | None:
    lineage = Lineage(functions, found)
    if not lineage.is_error():
        return None
    init = lineage.first()
    handed = lineage.handed() if init is not None else None
    if init is None or handed is None or not isinstance(init.node, ast.FunctionDef):
        return None
    spec = init.node.args
    positional = tuple(a.arg for a in (*spec.posonlyargs, *spec.args))[1:]
    saying = Saying(Scope(functions.program, init.module), functions.follow)
    defaults = {name: _nameless(t) for name, t in functions.defaults(init.node, saying).items()}
    every = frozenset(p for i in lineage.inits for p in prints.get(_key(i), ()))
    known = _ways(handed.ways)
    if known is None:
        return None
    return Construct(every, positional, tuple(sorted(defaults.items())), known, handed.as_passed)


def _key(init: Found) -> tuple[str, str, int]:
    """Return module, name and first line, decorators included, as the code object of a function has them."""
    first = min(node.lineno for node in (init.node, *getattr(init.node, "decorator_list", ())))
    return init.module.name, init.qualname, first


def _ways(ways: Sequence[Arguments]) -> Arguments | None:
    """Return one description of what becomes of `args`, or None when it can become anything."""
    if any(way.is_open for way in ways):
        return None
    if not ways:
        return Arguments()
    rests = {(way.rest, len(way.positional)) for way in ways}
    if len(rests) > 1 and any(rest >= 0 for rest, _ in rests):
        return None
    most = max(len(way.positional) for way in ways)
    positional = tuple(
        bounded(frozenset().union(*(way.positional[n] for way in ways if n < len(way.positional)))) for n in range(most)
    )
    return Arguments(positional, (), ways[0].rest, False)
