"""The index of what a vendor ships, made at build time: `python -m event.index SRC… --release NAME -o FILE`.

Run it where the release is built, never on a customer's server, with the interpreter and the libraries that the product
will run with. It holds, for each module under SRC, every function with its lines, as the interpreter itself names them
(the source is compiled, not run); the exception types of that source, of the interpreter, and of the libraries named by
`--library`; the URL rules of the Flask application named by `--routes`; and the release's version. The same input gives
the same bytes. SRC is a package, a module, or a folder of them; names are relative to the folder that holds it.
"""

import argparse
import ast
import importlib
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import CodeType

from audit.index import Index, Lines, encode, new
from event._reduce import class_name

INTERPRETER = [
    "asyncio",
    "concurrent.futures",
    "csv",
    "ctypes",
    "decimal",
    "email.errors",
    "http.client",
    "imaplib",
    "json",
    "ftplib",
    "smtplib",
    "socket",
    "sqlite3",
    "ssl",
    "subprocess",
    "tarfile",
    "tomllib",
    "urllib.error",
    "uuid",
    "xml.etree.ElementTree",
    "zipfile",
    "zlib",
    "zoneinfo",
]
_LOOKS_LIKE_ERROR = re.compile(r"(?:Error|Exception|Warning|Exit|Interrupt)$")
_SKIP = frozenset({"__pycache__", "node_modules", "site-packages"})


def build(sources: Sequence[Path], release: str, libraries: Sequence[str] = (), routes: Sequence[str] = ()) -> Index:
    """Return the index of `release`, whose last word is its version.

    Raises SyntaxError or OSError for a source that cannot be compiled, ImportError for a library or application.
    """
    modules: dict[str, dict[str, Lines]] = {}
    trees: dict[str, ast.Module] = {}
    for name, path in modules_under(sources):
        tree = ast.parse(path.read_bytes(), str(path))
        modules[name] = _functions(compile(tree, str(path), "exec", dont_inherit=True))
        trees[name] = tree
    for library in (*INTERPRETER, *libraries):
        importlib.import_module(library)
    rules = {rule for application in routes for rule in _rules(application)}
    types = _shipped_types(trees) | _loaded_types({name.partition(".")[0] for name in modules})
    return new(release, modules, frozenset(types), frozenset(rules), frozenset({release.split()[-1]}))


def modules_under(sources: Iterable[Path]) -> Iterator[tuple[str, Path]]:
    """Yield module name and file, sorted; a folder without `__init__.py` is a root of names, not a package."""
    for source in sources:
        if not source.exists():
            raise FileNotFoundError(f"no source at {str(source)!r}: name a package, a module, or a folder of them")
        is_root = source.is_dir() and not (source / "__init__.py").exists()
        root = source if is_root else source.parent
        for path in sorted(source.rglob("*.py")) if source.is_dir() else [source]:
            parts = path.relative_to(root).with_suffix("").parts
            if _SKIP.isdisjoint(parts) and all(part.isidentifier() for part in parts):
                yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def _functions(module: CodeType) -> dict[str, Lines]:
    """Return qualified name → line ranges; one name can have several, as a property's getter and setter do."""
    found: dict[str, set[tuple[int, int]]] = defaultdict(set)
    waiting = [module]
    while waiting:
        code = waiting.pop()
        lines = [line for _, _, line in code.co_lines() if line]
        found[code.co_qualname].add((min(lines, default=1), max(lines, default=1)))
        waiting.extend(const for const in code.co_consts if isinstance(const, CodeType))
    return {name: tuple(sorted(ranges)) for name, ranges in sorted(found.items())}


def _shipped_types(trees: dict[str, ast.Module]) -> set[str]:
    """Return the exception types of the source: by their bases, as far as names tell, until nothing new is found."""
    classes = [(f"{module}.{name}", node) for module, tree in trees.items() for name, node in _classes(tree, "")]
    known: set[str] = set()
    short: set[str] = set()
    while True:
        fresh = {full for full, node in classes if full not in known and any(_is_error(b, short) for b in node.bases)}
        if not fresh:
            return known
        known |= fresh
        short |= {full.rpartition(".")[2] for full in fresh}


def _classes(tree: ast.AST, prefix: str) -> Iterator[tuple[str, ast.ClassDef]]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef):
            yield prefix + node.name, node
            yield from _classes(node, f"{prefix}{node.name}.")
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _classes(node, f"{prefix}{node.name}.<locals>.")
        else:
            yield from _classes(node, prefix)


def _is_error(base: ast.expr, known: set[str]) -> bool:
    name = base.attr if isinstance(base, ast.Attribute) else base.id if isinstance(base, ast.Name) else ""
    return name in known or _LOOKS_LIKE_ERROR.search(name) is not None


def _loaded_types(own: set[str]) -> set[str]:
    """Return the exception types of the interpreter and the imported libraries; not the product's, nor local ones."""
    found: set[str] = set()
    waiting: list[type] = [BaseException]
    seen: set[type] = set()
    while waiting:
        current = waiting.pop()
        if current in seen:
            continue
        seen.add(current)
        waiting.extend(type.__subclasses__(current))
        name = class_name(current)
        if "<" not in name and name.partition(".")[0] not in own | {"__main__"}:
            found.add(name)
    return found


def _rules(application: str) -> set[str]:
    """Return the URL rules of `module:app` or `module:create_app()`."""
    module, _, name = application.partition(":")
    found = getattr(importlib.import_module(module), name.removesuffix("()"))
    app = found() if name.endswith("()") else found
    return {str(rule.rule) for rule in app.url_map.iter_rules()}


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the index; returns 0, or 2 when something cannot be read."""
    parser = argparse.ArgumentParser(prog="python -m event.index", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("sources", nargs="+", type=Path, metavar="SRC", help="a package, a module, or a folder of them")
    parser.add_argument("--release", required=True, help='name and version, such as "annotator 1.0.0"')
    parser.add_argument(
        "--library", action="append", default=[], metavar="NAME", help="import it for its exception types"
    )
    parser.add_argument(
        "--routes",
        action="append",
        default=[],
        metavar="MODULE:APP",
        help="a Flask application, or MODULE:create_app()",
    )
    parser.add_argument("-o", dest="output", required=True, type=Path, metavar="FILE", help="where to write the index")
    given = parser.parse_args(arguments)
    try:
        index = build(given.sources, given.release, given.library, given.routes)
    except (OSError, SyntaxError, ImportError, AttributeError) as fault:
        parser.error(f"no index was made: {fault}")
    given.output.write_bytes(encode(index))
    print(
        f"{given.output}: {len(index.modules)} modules, {len(index.types)} types, "
        f"{len(index.routes)} routes, {index.hash}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
