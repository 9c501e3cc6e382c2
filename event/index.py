"""The index of what a vendor ships: `python -m event.index SRC… --release NAME --lock FILE -o FILE`.

Run it where the release is built, never on a customer's server, with the interpreter and the libraries that the product
will run with. It reads the product's source under SRC, and of the libraries that the lock file pins the source that is
installed here, in just those versions: nothing of it is run. It writes every function with its lines, what each `raise`
can say, and the exception types; the exception types that importing brings, of the interpreter and of `--library`; the
URL rules of the Flask application named by `--routes`; the messages of programs without source that these types can
carry (`event.known`), with the tables of `--models`; what products in other languages declare in files named by
`--names`; and the release's version. The same input gives the same bytes.
SRC is a package, a module, or a folder of them; names are relative to the folder that holds it.
"""

import argparse
import ast
import importlib
import itertools
import re
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import CodeType

from audit.canonical import sha256_hex
from audit.index import Index, Lines, Source, encode, sealed
from audit.known import Known
from event import _sites
from event import names as names_files
from event._calls import loggers_of
from event._lock import Locked, LockFault, module_name, read_lock
from event._program import Module
from event._reduce import class_name
from event._sites import Shipped, named_classes, stated_module
from event.bundles import of as shipped_scripts
from event.known import for_types, names_of_models
from event.known import shipped as shipped_messages
from event.names import Names, NamesFault

INTERPRETER = """
    argparse ast asyncio bdb binascii codecs concurrent.futures configparser contextvars copy csv ctypes
    dbm decimal email email.errors enum ftplib getopt graphlib html http.client http.cookiejar
    http.cookies imaplib importlib.metadata importlib.resources inspect ipaddress json locale
    logging.handlers lzma mailbox marshal multiprocessing netrc optparse pathlib pdb pickle platform
    poplib pyexpat queue quopri resource runpy sched selectors shelve shutil signal smtplib socket
    sqlite3 ssl statistics struct subprocess syslog tarfile tempfile termios threading tokenize tomllib
    typing unittest urllib.error urllib.parse urllib.request uuid wave weakref webbrowser xml.dom
    xml.etree.ElementTree xml.sax xmlrpc.client zipfile zipimport zlib zoneinfo
""".split()  # noqa: SIM905 - a list of so many is read better so
_LOOKS_LIKE_ERROR = re.compile(r"(?:Error|Exception|Warning|Exit|Interrupt)$")
_TELL_EVERY = 50


def build(
    sources: Sequence[Path],
    release: str,
    libraries: Sequence[str] = (),
    routes: Sequence[str] = (),
    *,
    lock: Path | None = None,
    without: Sequence[str] = (),
    models: Sequence[str] = (),
    bundles: Sequence[Path] = (),
    maps: Sequence[Path] = (),
    names: Sequence[Path] = (),
    told: Callable[[str], None] = lambda _line: None,
) -> Index:
    """Return the index of `release`, whose last word is its version; `told` hears how far it is.

    `lock` is a lock file of pinned libraries, and `without` names those in it that are not read; `libraries` are
    imported for their exception types, `routes` are Flask applications, `models` what has the metadata of the product's
    tables, `bundles` are JavaScript files that are shipped, with their source `maps`, and `names` are
    names files of products in other languages.

    Raises SyntaxError or OSError for a source that cannot be compiled, ImportError for a library or application,
    LockFault for a lock file that is not what is installed, RuntimeError for an interpreter without columns, ValueError
    for a bundle or map that is none, NamesFault for a names file that is none.
    """
    scripts, declared = shipped_scripts(bundles, maps), names_files.read(names)
    locked = read_lock(lock, without) if lock is not None else ()
    shipped: dict[str, Shipped] = {}
    origins: dict[str, Source] = {}
    for name, path, library in _files(sources, locked):
        if name in shipped:
            continue  # the product's own module of that name comes first, as it does when it is imported
        data = path.read_bytes()
        module = Module(name, ast.parse(data, str(path)), path.name == "__init__.py")
        shipped[name], origins[name] = Shipped(path, data, module), Source(sha256_hex(data), library)
    found = _sites.read(shipped, _counting(len(shipped), told))
    for imported in (*INTERPRETER, *libraries):
        importlib.import_module(imported)
    rules = {rule for application in routes for rule in _rules(application)}
    own = {name.partition(".")[0] for name, source in origins.items() if not source.library}
    brought = {name.partition(".")[0] for name in (*shipped, *libraries)} if locked else None
    types = _shipped_types({name: one.module.tree for name, one in shipped.items()}) | _loaded_types(own, brought)
    if twice := sorted(shipped.keys() & declared.places.keys()):
        raise NamesFault(f"the module {twice[0]!r} is declared, and is source here too: name it as its file")
    return sealed(
        Index(
            release,
            {name: _functions(code) for name, code in found.plain.items()} | dict(declared.places),
            frozenset(types) | declared.types,
            frozenset(rules),
            frozenset({release.split()[-1]}),
            interpreter=f"{sys.implementation.name} {sys.version_info.major}.{sys.version_info.minor}",
            sources=origins,
            libraries={one.name: one.version for one in locked},
            raises=found.raises,
            classes=found.classes,
            bundles=scripts,
            known=_known(for_types(shipped_messages(_names_of(models)), types), declared),
            logs=found.logs,
            loggers=_loggers(shipped, origins),
        )
    )


def _known(found: Known, declared: Names) -> Known:
    """Return known messages and lists, with those that names files declare beside them."""
    messages = {names_files.CATALOGUE: declared.messages} if declared.messages else {}
    platforms = {names_files.PLATFORM: declared.platforms} if declared.platforms else {}
    return Known({**found.catalogues, **messages}, {**found.lists, **platforms})


def _loggers(shipped: Mapping[str, Shipped], origins: Mapping[str, Source]) -> frozenset[str]:
    """Return the names of loggers that the source asks for; a module of the product may also give its name to one."""
    asked = {name for one in shipped.values() for name in loggers_of(one.module)}
    return frozenset({"root"} | asked | {name for name, origin in origins.items() if not origin.library})


def _files(sources: Iterable[Path], locked: Iterable[Locked]) -> Iterator[tuple[str, Path, str]]:
    """Yield module name, file and library (none: the product) of everything that is read."""
    yield from ((name, path, "") for name, path in modules_under(sources))
    yield from ((name, path, one.name) for one in locked for name, path in one.modules)


def _counting(count: int, told: Callable[[str], None]) -> Callable[[str], None]:
    """Return what hears the name of each module, and says now and then how many were read."""
    turns = itertools.count(1)

    def hear(_name: str) -> None:
        if (turn := next(turns)) % _TELL_EVERY == 0:
            told(f"{turn} of {count} modules read")

    return hear


def modules_under(sources: Iterable[Path]) -> Iterator[tuple[str, Path]]:
    """Yield module name and file, sorted; a folder without `__init__.py` is a root of names, not a package."""
    for source in sources:
        if not source.exists():
            raise FileNotFoundError(f"no source at {str(source)!r}: name a package, a module, or a folder of them")
        is_root = source.is_dir() and not (source / "__init__.py").exists()
        root = source if is_root else source.parent
        for path in sorted(source.rglob("*.py")) if source.is_dir() else [source]:
            if (name := module_name(path.relative_to(root))) is not None:
                yield name, path


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


def _shipped_types(trees: Mapping[str, ast.Module]) -> set[str]:
    """Return the exception types of the source: by their bases, as far as names tell, until nothing new is found."""
    classes = [
        (f"{stated_module(node) or module}.{name}", node)
        for module, tree in trees.items()
        for name, node in named_classes(tree, "")
    ]
    known: set[str] = set()
    short: set[str] = set()
    while True:
        fresh = {full for full, node in classes if full not in known and any(_is_error(b, short) for b in node.bases)}
        if not fresh:
            return known
        known |= fresh
        short |= {full.rpartition(".")[2] for full in fresh}


def _is_error(base: ast.expr, known: set[str]) -> bool:
    name = base.attr if isinstance(base, ast.Attribute) else base.id if isinstance(base, ast.Name) else ""
    return name in known or _LOOKS_LIKE_ERROR.search(name) is not None


def _loaded_types(own: set[str], brought: set[str] | None) -> set[str]:
    """Return the exception types of the interpreter and the imported libraries; not the product's, nor local ones.

    With `brought` only libraries named in it count: what else happens to be installed here says nothing of the release.
    """
    found: set[str] = set()
    waiting: list[type] = [BaseException]
    seen: set[int] = set()
    while waiting:
        current = waiting.pop()
        if id(current) in seen:
            continue
        seen.add(id(current))
        waiting.extend(type.__subclasses__(current))
        name = class_name(current)
        first, dot, _ = name.partition(".")
        is_known = brought is None or not dot or first in brought or first in sys.stdlib_module_names
        if "<" not in name and is_known and first not in own | {"__main__"}:
            found.add(name)
    return found


def _names_of(models: Iterable[str]) -> dict[str, frozenset[str]]:
    """Return tables, columns and constraints of each `module:Base`."""
    found: dict[str, frozenset[str]] = {}
    for base in models:
        module, _, name = base.partition(":")
        names = names_of_models(getattr(importlib.import_module(module), name).metadata)
        found = {hole: found.get(hole, frozenset()) | there for hole, there in names.items()}
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
    parser.add_argument("sources", nargs="*", type=Path, metavar="SRC", help="a package, a module, or a folder of them")
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
    parser.add_argument("--lock", type=Path, metavar="FILE", help="the lock file of the libraries that it ships with")
    parser.add_argument(
        "--without", action="append", default=[], metavar="NAME", help="a library of the lock file that is not read"
    )
    parser.add_argument(
        "--models",
        action="append",
        default=[],
        metavar="MODULE:BASE",
        help="SQLAlchemy's declarative base of the product: its tables, columns and constraints may be named",
    )
    parser.add_argument(
        "--bundle", action="append", default=[], type=Path, metavar="FILE", help="a JavaScript file that is shipped"
    )
    parser.add_argument(
        "--map",
        action="append",
        default=[],
        type=Path,
        metavar="FILE",
        help="the source map of a bundle",
    )
    parser.add_argument(
        "--names",
        action="append",
        default=[],
        type=Path,
        metavar="FILE",
        help="what a product in another language declares: types, places, messages (docs/formats/names.md)",
    )
    given = parser.parse_args(arguments)
    try:
        index = build(
            given.sources,
            given.release,
            given.library,
            given.routes,
            lock=given.lock,
            without=given.without,
            models=given.models,
            bundles=given.bundle,
            maps=given.map,
            names=given.names,
            told=lambda line: print(line, file=sys.stderr),
        )
    except (OSError, SyntaxError, ImportError, AttributeError, RuntimeError, ValueError, LockFault) as fault:
        parser.error(f"no index was made: {fault}")
    given.output.write_bytes(encode(index))
    count = sum(len(found.sites) for found in index.raises.values())
    print(
        f"{given.output}: {len(index.modules)} modules, {len(index.types)} types, {len(index.routes)} routes, "
        f"{count} raise sites, {index.hash}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
