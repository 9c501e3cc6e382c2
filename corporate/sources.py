"""The Python sources that a person gives: files of a folder or a wheel, and whether they are the ones of an index.

Leaves to others: storing them (uploading). Rules: a folder is named as it was for `python -m event.index`, so that
modules get the same names; nothing is unpacked or read beyond its limit, whatever a ZIP says of sizes; source is
parsed, never run.
"""

import ast
import re
import zipfile
import zlib
from collections.abc import Container, Iterator, Mapping
from pathlib import Path

from audit.index import Lines
from corporate import lines, source_maps
from corporate.errors import OperatorError

MOST_FILES = 20_000
MOST_BYTES = source_maps.MOST_SOURCE_BYTES
_SKIP = frozenset({"__pycache__", "node_modules", "site-packages"})
_WHEEL_DATA = re.compile(r"[^/]+\.data/(?:purelib|platlib)/")


def python_files(path: Path, wanted: Container[str]) -> Iterator[tuple[str, str, bytes | None]]:
    """Module name, file and content of every Python file of a folder or a wheel; only those `wanted` are read.

    Raises OperatorError for what cannot be read, or is too large.
    """
    if path.is_dir():
        root = path.parent if (path / "__init__.py").exists() else path
        for file in sorted(path.rglob("*.py")):
            if (name := _module(file.relative_to(root).as_posix())) is not None:
                yield name, str(file), read(file, MOST_BYTES) if name in wanted else None
    elif path.suffix == ".py":
        yield path.stem, str(path), read(path, MOST_BYTES)
    else:
        yield from _in_wheel(path, wanted)


def _in_wheel(path: Path, wanted: Container[str]) -> Iterator[tuple[str, str, bytes | None]]:
    try:
        with zipfile.ZipFile(path) as wheel:
            entries = wheel.infolist()
            if len(entries) > MOST_FILES * 5:
                raise OperatorError("upload-large", f"{str(path)!r} has {len(entries)} files", "give a wheel")
            for entry in entries:
                name = _module(_WHEEL_DATA.sub("", entry.filename))
                if name is not None and not entry.is_dir():
                    yield name, f"{path}:{entry.filename}", _member(wheel, entry) if name in wanted else None
    except (OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, zlib.error) as e:
        raise OperatorError("file", f"{str(path)!r} is no wheel that can be read", "name a folder or a wheel") from e


def _member(wheel: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """What a ZIP says of a size is not believed: no more than the limit is unpacked."""
    with wheel.open(entry) as file:
        return _bounded(file.read(MOST_BYTES + 1), entry.filename, MOST_BYTES)


def _module(path: str) -> str | None:
    """The module that a relative path is, or None for what is none."""
    if not path.endswith(".py"):
        return None
    parts = path.removesuffix(".py").split("/")
    if not _SKIP.isdisjoint(parts) or not all(part.isidentifier() for part in parts):
        return None
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts) or None


def fault(functions: Mapping[str, Lines], data: bytes) -> str | None:
    """Why `data` is not the source that these functions are of, or None: each has to stand where the index has it."""
    try:
        tree = ast.parse(data)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as e:
        return f"it cannot be read as Python ({type(e).__name__})"
    text = source_maps.lines_of_text(lines.decoded(data))
    spans = _spans(tree)
    for name, ranges in functions.items():
        own = spans.get(name, [])
        is_named = not name.rpartition(".")[2].startswith("<")
        for first, last in ranges:
            if last > len(text) or (is_named and not any(a <= first and last <= b for a, b in own)):
                return f"{name} is not at lines {first} to {last}"
    return None


def _spans(tree: ast.AST) -> dict[str, list[tuple[int, int]]]:
    """Qualified name → first and last line, decorators included, of every function and class."""
    found: dict[str, list[tuple[int, int]]] = {}
    waiting: list[tuple[ast.AST, str]] = [(tree, "")]
    while waiting:
        node, prefix = waiting.pop()
        for inner in ast.iter_child_nodes(node):
            if not isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                waiting.append((inner, prefix))
                continue
            name = f"{prefix}{inner.name}"
            first = min(n.lineno for n in (inner, *inner.decorator_list))
            found.setdefault(name, []).append((first, inner.end_lineno or first))
            waiting.append((inner, f"{name}." if isinstance(inner, ast.ClassDef) else f"{name}.<locals>."))
    return found


def read(path: Path, most: int) -> bytes:
    """The content of a file of at most so many bytes. Raises OperatorError."""
    try:
        with path.open("rb") as file:
            return _bounded(file.read(most + 1), str(path), most)
    except OSError as e:
        raise OperatorError("file", f"{str(path)!r} cannot be read: {e.strerror}", "name a file that exists") from e


def _bounded(data: bytes, name: str, most: int) -> bytes:
    if len(data) > most:
        raise OperatorError("upload-large", f"{name!r} has more than {most} bytes", "is it a source?")
    return data
