"""Reads what Python libraries say when they raise: `python -m benchmarks._gather_source MODULE…`.

For the makers of event/known only. Prints, as groups of a catalogue file, the message of each `raise` of the modules
and packages named: literals, f-strings, `%`, `.format` and sums of these, with the exception's type. The modules are
imported, to find what a name in them is. A vendor's own libraries are better told by their raise sites (`event.index`);
this serves where an index has none of them.
"""

import ast
import builtins
import contextlib
import importlib
import inspect
import pkgutil
import re
import sys
import warnings
from collections import defaultdict
from collections.abc import Iterator, Sequence
from types import ModuleType

from benchmarks._gathered import groups
from event.known.notation import has_words, parts

_PERCENT = re.compile(r"%(?:%|(?:\([^)]*\))?[-+ #0]*(?:\d+|\*)?(?:\.\d+)?[a-zA-Z])")
_BRACES = re.compile(r"\{\{|\}\}|\{[^{}]*\}")
_LONGEST = 300


def said(node: ast.expr | None) -> str | None:
    """Return a text as a catalogue writes it, or None for what is not spelled out."""
    match node:
        case ast.Constant(value=str(text)):
            return text.replace("{", "{{").replace("}", "}}")
        case ast.JoinedStr(values=values):
            return "".join(said(one) or "{}" if isinstance(one, ast.Constant) else "{}" for one in values)
        case ast.BinOp(op=ast.Mod(), left=ast.Constant(value=str(text))):
            escaped = text.replace("{", "{{").replace("}", "}}")
            return _PERCENT.sub(lambda found: "%" if found[0] == "%%" else "{}", escaped)
        case ast.BinOp(op=ast.Add(), left=left, right=right):
            return (said(left) or "{}") + (said(right) or "{}")
        case ast.Call(func=ast.Attribute(value=ast.Constant(value=str(text)), attr="format")):
            return _BRACES.sub(lambda found: found[0] if found[0] in ("{{", "}}") else "{}", text)
        case ast.Call(func=ast.Name(id="_"), args=[inner]):
            return said(inner)
    return None


def messages(module: ModuleType) -> Iterator[tuple[str, str]]:
    """Yield type and message of each raise of a module that spells its message out."""
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        if not isinstance(node, ast.Raise) or not isinstance(node.exc, ast.Call):
            continue
        kind = _named(module, node.exc.func)
        for argument in node.exc.args if kind is not None else ():
            text = said(argument)
            if kind is not None and text and len(text) < _LONGEST and _is_wanted(text):
                name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
                yield name, text


def _is_wanted(text: str) -> bool:
    return "\n" not in text and "{}{}" not in text and has_words(p for p in parts(text) if isinstance(p, str))


def _named(module: ModuleType, node: ast.expr) -> type[BaseException] | None:
    names = ast.unparse(node).split(".")
    found: object = vars(module).get(names[0], getattr(builtins, names[0], None))
    for name in names[1:]:
        found = getattr(found, name, None)
    return found if isinstance(found, type) and issubclass(found, BaseException) else None


def modules(names: Sequence[str]) -> Iterator[ModuleType]:
    """Yield the modules and what packages hold, as far as they can be imported and have a source."""
    for name in names:
        module = importlib.import_module(name)
        found = [name]
        for one in pkgutil.walk_packages(getattr(module, "__path__", ()), f"{name}."):
            found += [] if re.search(r"\.(?:tests?|__main__|_?vendor|contrib)\b", one.name) else [one.name]
        for one_name in found:
            with contextlib.suppress(Exception, SystemExit):
                inspect.getsource(importlib.import_module(one_name))
                yield sys.modules[one_name]


def main(names: Sequence[str] | None = None) -> int:
    """Print the groups; returns 0."""
    found: dict[str, set[str]] = defaultdict(set)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for module in modules(sys.argv[1:] if names is None else names):
            for kind, text in messages(module):
                found[kind].add(text)
    print(groups(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
