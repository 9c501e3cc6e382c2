"""Which code is this? Its module, and a hash of what it does, equal at build time and in the running product.

Not the file: a file can differ from what was loaded, and reading it would be I/O in the product. The hash is over
instructions, constants, names and the first line of one code object, not of those inside it; so it also depends on the
version of the interpreter (3.11, 3.12): index with the one that runs the product.
"""

import hashlib
from importlib.machinery import ModuleSpec
from types import CodeType
from typing import Any

LENGTH = 32


def fingerprint(code: CodeType) -> str:
    """Return 32 hexadecimal digits of the SHA-256 over what `code` does."""
    names = (code.co_qualname, code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars)
    numbers = (code.co_firstlineno, code.co_argcount, code.co_kwonlyargcount, code.co_posonlyargcount, code.co_flags)
    constants = ",".join(_stable(value) for value in code.co_consts)
    digest = hashlib.sha256(repr((names, numbers)).encode("utf-8", "backslashreplace"))
    digest.update(constants.encode("utf-8", "backslashreplace"))
    digest.update(code.co_code + code.co_exceptiontable)
    return digest.hexdigest()[:LENGTH]


def module_of(frame: Any) -> str:
    """Return the name of a frame's module; `python -m x` runs it as `__main__`, but its spec still knows `x`."""
    scope = frame.f_globals
    name = dict.get(scope, "__name__")
    if name == "__main__" and type(spec := dict.get(scope, "__spec__")) is ModuleSpec:
        name = spec.name
    return name if type(name) is str else ""


def _stable(value: Any) -> str:
    """Return a text for a constant that is the same in every process; sets have no order."""
    if isinstance(value, CodeType):
        return f"code {value.co_qualname!r} {value.co_firstlineno}"
    if isinstance(value, tuple):
        return f"({','.join(map(_stable, value))})"
    if isinstance(value, frozenset):
        return f"{{{','.join(sorted(map(_stable, value)))}}}"
    return f"{type(value).__name__} {value!r}"
