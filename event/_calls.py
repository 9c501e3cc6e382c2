"""Calls of `logging` in a source: which they are, which loggers are asked for, which instructions call.

A call is taken for one of `logging` by the name of what it is called on. Wrong guesses do no harm: at run time the
record must come from the very instruction. Used when the index is built, never in the product.
"""

import ast
import dis
from collections.abc import Iterator
from types import CodeType

from event._program import Module, dotted_name

METHODS = frozenset({"critical", "debug", "error", "exception", "fatal", "info", "log", "warn", "warning"})
_CALLS = frozenset(dis.opmap[name] for name in ("CALL", "CALL_FUNCTION_EX", "CALL_KW") if name in dis.opmap)
_CACHE = dis.opmap.get("CACHE", 0)
End = tuple[int, int]


def message_of(call: ast.Call) -> ast.expr | None:
    """Return the expression of the message when this is a call of `logging`, as far as names tell; else None."""
    if not isinstance(call.func, ast.Attribute) or call.func.attr not in METHODS:
        return None
    method, on = call.func.attr, call.func.value
    if isinstance(on, ast.Call | ast.Subscript):
        on = on.func if isinstance(on, ast.Call) else on.value
    if "log" not in dotted_name(on).rpartition(".")[2].lower():
        return None
    place = 1 if method == "log" else 0
    if len(call.args) > place and not any(isinstance(a, ast.Starred) for a in call.args[: place + 1]):
        return call.args[place]
    return next((keyword.value for keyword in call.keywords if keyword.arg == "msg"), None)


def end_of(call: ast.Call) -> End:
    """Return where a call ends; its start can be told differently by an interpreter, its end cannot."""
    return call.end_lineno or call.lineno, call.end_col_offset or 0


def calling(code: CodeType) -> Iterator[tuple[int, End]]:
    """Yield each offset at which a frame can stand while it calls, and where that call ends in the source."""
    raw = code.co_code
    is_call = False
    for number, (_, last, _, end) in enumerate(code.co_positions()):
        opcode = raw[2 * number]
        is_call = opcode in _CALLS or (is_call and opcode == _CACHE)
        if is_call and last is not None and end is not None:
            yield 2 * number, (last, end)


def loggers_of(module: Module) -> Iterator[str]:
    """Yield the names of the loggers that a module asks for: spelled out, or its own."""
    for node in module.nodes:
        if isinstance(node, ast.Call) and dotted_name(node.func).rpartition(".")[2] == "getLogger" and node.args:
            name = node.args[0]
            if isinstance(name, ast.Constant) and type(name.value) is str:
                yield name.value
            elif isinstance(name, ast.Name) and name.id == "__name__":
                yield module.name
