"""Holds a catalogue's methods against the source: does the place exist, does it read what is stated, is it the version.

Reads text, imports and runs nothing, and needs the standard library alone, so that a customer's auditor can hold the
installed release against its own catalogue: `python -m audit methods --source FOLDER`.

Rules:
- A version is the SHA-256 of the syntax tree of a function, and of all functions, classes and constants of its module
  that it uses, one through the other: comments, layout and docstrings do not move it, anything else does. It ends at
  the module's edge: what is imported has versions of its own.
- Where a function writes a key (`key=…`, `{"key": …}`, `x["key"] = …`), its inputs are exactly the names that the
  written expression reads, through the function's own variables. Where it writes none (the value is what the function
  returns, or is written under a name that it was handed), each input is a name that the function reads or is handed.
"""

import ast
import contextlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from audit._reads import Function, Reads, arguments, chain, chains, names, written
from audit.canonical import canonical
from audit.catalogue import Catalogue
from audit.method import VERSION_CHARS, Method

_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_UNSAID = frozenset({"ctx", "type_comment", "kind", "type_ignores"})


@dataclass(frozen=True, slots=True)
class Judged:
    """What the source says to one method: its true version, and for each key what it reads; `wrong` in sentences."""

    method: Method
    version: str
    wrong: tuple[str, ...]


def judge(catalogue: Catalogue, roots: Sequence[Path]) -> tuple[Judged, ...]:
    """Hold every method of a catalogue against the source under `roots`; one whose module is not there is wrong."""
    return tuple(_judged(method, roots) for method in catalogue.methods)


def restated(text: str, judged: Iterable[Judged]) -> str:
    """Return a catalogue file's text with the versions of the source; whoever writes it has looked at what changed."""
    for one in judged:
        if one.version:
            table = rf'(\[method\."{re.escape(one.method.place)}"\]\n(?:[^\[\n].*\n)*?version = ")[^"]*"'
            text = re.sub(table, rf'\g<1>{one.version}"', text)
    return text


def version(source: str, name: str) -> str:
    """Return the version of the function `name` (`function`, or `Class.method`) in a module's source.

    Raises LookupError when the source has no such function, SyntaxError when it is none of Python's.
    """
    return _Module(source).version(name)


def inputs(source: str, name: str, key: str) -> tuple[str, ...] | None:
    """Return the names that the function reads for `key`, sorted; None where it does not write this key by name."""
    return _Module(source).inputs(name, key)


def _judged(method: Method, roots: Sequence[Path]) -> Judged:
    dotted, _, name = method.place.partition(":")
    path = _file(dotted, roots)
    if path is None:
        return Judged(method, "", (f"there is no source of the module {dotted}",))
    try:
        module = _Module(path.read_text(encoding="utf-8"))
        found = module.version(name)
    except (LookupError, SyntaxError) as fault:
        return Judged(method, "", (str(fault.args[0]),))
    wrong = [] if found == method.version else [f"its source is of version {found}, stated is {method.version}"]
    for key, stated in method.inputs.items():
        wrong += module.wrong_inputs(name, key, stated)
    return Judged(method, found, tuple(wrong))


def _file(dotted: str, roots: Sequence[Path]) -> Path | None:
    parts = dotted.split(".")
    places = (root.joinpath(*parts) for root in roots)
    files = (file for place in places for file in (place.with_suffix(".py"), place / "__init__.py"))
    return next((file for file in files if file.is_file()), None)


class _Module:
    """The syntax tree of one module, and what stands at its top by name: functions, methods, classes, constants."""

    def __init__(self, source: str) -> None:
        self._tree = ast.parse(source)
        self._top: dict[str, list[ast.stmt]] = {}
        for node in self._tree.body:
            for name in _bound(node):
                self._top.setdefault(name, []).append(node)

    def version(self, name: str) -> str:
        """Return the version of a function. Raises LookupError."""
        owner = name.rpartition(".")[0]
        todo: list[tuple[str, ast.AST]] = [("", self._function(name))]
        used: dict[str, Any] = {}
        while todo:
            label, node = todo.pop()
            label = label or name
            if label in used:
                continue
            used[label] = _plain(node)
            todo += self._uses(node, owner)
        return sha256(canonical(used)).hexdigest()[:VERSION_CHARS]

    def inputs(self, name: str, key: str) -> tuple[str, ...] | None:
        """Return what the function reads for a key that it writes; None where it writes none of this name."""
        function = self._function(name)
        values = list(written(function, key))
        if not values:
            return None
        reads = Reads(function, self._top)
        return tuple(sorted({read for value in values for read in reads.of(value)}))

    def wrong_inputs(self, name: str, key: str, stated: Sequence[str]) -> list[str]:
        """Say in sentences what is wrong with the inputs stated for a key."""
        found = self.inputs(name, key)
        if found is not None:
            told = ", ".join(found) or "nothing"
            return [] if set(found) == set(stated) else [f"{key} is made from {told}; stated is {', '.join(stated)}"]
        function = self._function(name)
        there = chains(function) | {argument.arg for argument in arguments(function)}
        return [f"{key} is stated to be made from {one}, which it does not read" for one in stated if one not in there]

    def _function(self, name: str) -> Function:
        body: Iterable[ast.stmt] = self._tree.body
        node: Any = None
        for part in name.split("."):
            node = next((one for one in body if isinstance(one, _SCOPES) and one.name == part), None)
            if node is None:
                break
            body = node.body
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            raise LookupError(f"the module has no function {name}")
        return node

    def _uses(self, node: ast.AST, owner: str) -> Iterator[tuple[str, ast.AST]]:
        """What else of the module a piece of it uses: names at the top, and methods of the same class."""
        for inner in ast.walk(node):
            if isinstance(inner, ast.Name) and inner.id in self._top:
                for number, stated in enumerate(self._top[inner.id]):
                    yield f"{inner.id}#{number}", stated
            elif owner and (chain(inner) or "").rpartition(".")[0] in ("self", "cls"):
                own = f"{owner}.{inner.attr}"  # type: ignore[attr-defined]
                with contextlib.suppress(LookupError):  # an attribute that is no method
                    yield own, self._function(own)


def _bound(node: ast.stmt) -> Iterator[str]:
    """The names that a statement at the top of a module binds, imports aside."""
    if isinstance(node, _SCOPES):
        yield node.name
    elif isinstance(node, ast.Assign):
        yield from (name for target in node.targets for name in names(target))
    elif isinstance(node, ast.AnnAssign):
        yield from names(node.target)


def _plain(node: Any) -> Any:
    """A syntax tree as JSON that is the same in every Python: without positions, docstrings, and what is empty."""
    if isinstance(node, list):
        return [_plain(one) for one in node]
    if not isinstance(node, ast.AST):
        return repr(node)
    said: dict[str, Any] = {"": type(node).__name__}
    for name, value in ast.iter_fields(node):
        if name == "body" and isinstance(node, _SCOPES) and ast.get_docstring(node, clean=False) is not None:
            value = value[1:]
        if name not in _UNSAID and value is not None and value != []:
            said[name] = _plain(value)
    return said
