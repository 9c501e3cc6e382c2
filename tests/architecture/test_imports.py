"""The import directions of docs/architecture.md, checked over every file's syntax tree (design 2)."""

import ast
import functools
import graphlib
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]

MAY_IMPORT: dict[str, set[str]] = {
    "audit": set(),
    "event": {"audit"},
    "licensing": {"audit"},
    "support_routes": {"audit", "event"},
    "diffgram_home": {"audit", "event", "licensing", "support_routes"},
    "corporate": {"audit", "event", "licensing"},
    "install": set(),
    "benchmarks": {"audit", "event", "support_routes", "diffgram_home", "corporate"},
}
NETWORK = (
    *(
        "socket",
        "_socket",
        "ssl",
        "_ssl",
        "http",
        "urllib.request",
        "urllib3",
        "requests",
        "httpx",
        "aiohttp",
        "psycopg",
    ),
    *("smtplib", "ftplib", "imaplib", "poplib", "nntplib", "telnetlib", "xmlrpc", "asyncio", "socketserver"),
    *("logging.handlers", "logging.config", "multiprocessing", "subprocess", "pty", "webbrowser", "cffi"),
)
BY_NAME = ("importlib", "imp", "runpy", "pkgutil")
"""Modules that import others by name, which no reading of imports can follow."""
READING = {"importlib.machinery.ModuleSpec", "importlib.resources"}
"""Of these the parts that import nothing: a type, and the reading of files that a package brings."""
BUILDING = {
    "event/index.py",
    "event/_sites.py",
    "event/_lock.py",
    "diffgram_home/cli/document.py",
    "support_routes/declare.py",
}
"""Made for the vendor's build: index, sites, libraries, the manual. No process here loads them."""
DOOR = "diffgram_home/outbound/"
"""The one module that may open a connection; its parts are nobody else's."""
CONNECTING = {"diffgram_home/outbound/_sockets.py", "diffgram_home/outbound/_syslog.py"}
"""Of the door, what holds permits of the tripwire."""
RECORDER = "diffgram_home/proving/"
"""What `prove` runs in a network namespace beside an installation: it listens there, and no process loads it."""
SEALING = {"diffgram_home/sealing.py", "diffgram_home/_batching.py"}
BASE = ("audit", "event", "licensing")
BASE_THIRD_PARTY = {"msgspec", "cryptography"}
STANDARD_ONLY = ("audit", "audit.__main__", "audit.consent", "audit.gate", "audit.modes", "audit.tree")


def nodes(path: Path) -> tuple[ast.AST, ...]:
    """Return every node of the syntax tree of `path`."""
    return _parsed(path.read_text(encoding="utf-8"))


@functools.cache
def _parsed(source: str) -> tuple[ast.AST, ...]:
    """Parse a text once: most of the tests here ask for it."""
    return tuple(ast.walk(ast.parse(source)))


def imports(path: Path) -> tuple[str, ...]:
    """Return every absolute dotted name that `path` imports, wherever in the file it stands."""
    return _imported(path.read_text(encoding="utf-8"), path.name)


@functools.cache
def _imported(source: str, name: str) -> tuple[str, ...]:
    found = []
    for node in _parsed(source):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name}: relative import"
            found += [f"{node.module}.{alias.name}" for alias in node.names]
    return tuple(found)


def modules(*packages: str) -> dict[str, Path]:
    """Return dotted name → file of every module of `packages`."""
    found = {}
    for package in packages:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def all_imports(*packages: str) -> Iterator[tuple[str, str, str]]:
    """Yield (package, file, imported name) for every module of `packages`."""
    for module, path in modules(*packages).items():
        for name in imports(path):
            yield module.partition(".")[0], path.relative_to(ROOT).as_posix(), name


def test_the_scan_sees_our_files():
    seen = {file for _, file, _ in all_imports(*MAY_IMPORT)}
    assert {"audit/gate.py", "audit/catalogue.py", f"{DOOR}__init__.py", *CONNECTING} <= seen


def test_the_table_has_no_cycle():
    tuple(graphlib.TopologicalSorter(MAY_IMPORT).static_order())


def test_packages_import_only_downwards():
    assert [
        f"{file} imports {name}"
        for package, file, name in all_imports(*MAY_IMPORT)
        if (top := name.partition(".")[0]) in MAY_IMPORT and top not in MAY_IMPORT[package] | {package}
    ] == []


def test_nobody_reaches_into_anothers_private_modules():
    assert [
        f"{file} imports {name}"
        for package, file, name in all_imports(*MAY_IMPORT)
        if (top := name.partition(".")[0]) in MAY_IMPORT
        and top != package
        and any(part.startswith("_") for part in name.split("."))
    ] == []


def test_there_is_one_door_out():
    assert {
        f"{file} imports {name}"
        for _, file, name in all_imports("audit", "event", "licensing", "support_routes", "diffgram_home")
        if any(f"{name}.".startswith(f"{module}.") for module in NETWORK)
        and name != "http.HTTPStatus"
        and not file.startswith((DOOR, RECORDER))
    } == set()


def test_nobody_else_reads_a_part_of_the_door():
    assert [
        f"{file} imports {name}"
        for _, file, name in all_imports(*MAY_IMPORT)
        if name.startswith("diffgram_home.outbound._") and not file.startswith(DOOR)
    ] == []


def test_no_process_of_the_installation_loads_the_recorder_of_a_proof():
    assert [
        f"{file} imports {name}"
        for _, file, name in all_imports("audit", "event", "licensing", "support_routes", "diffgram_home")
        if name.startswith("diffgram_home.proving") and not file.startswith(RECORDER)
    ] == []


def test_nothing_is_imported_or_run_by_its_name():
    found = [
        f"{file.relative_to(ROOT)}:{node.lineno} {node.func.id}"
        for file in modules("audit", "event", "licensing", "support_routes", "diffgram_home").values()
        for node in nodes(file)
        if file.relative_to(ROOT).as_posix() not in BUILDING
        and isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in ("__import__", "exec", "eval", "compile")
    ]
    found += [
        f"{file} imports {name}"
        for _, file, name in all_imports("audit", "event", "licensing", "support_routes", "diffgram_home")
        if name.partition(".")[0] in BY_NAME and file not in BUILDING and name not in READING
    ]
    assert found == []


def test_only_the_sealing_makes_bytes_and_the_door_asks_the_gate_itself():
    used = {
        name: {file for _, file, imported in all_imports("diffgram_home") if imported == f"audit.gate.{name}"}
        for name in ("seal", "void", "check")
    }
    calls = {
        (file.relative_to(ROOT).as_posix(), node.attr)
        for file in modules("diffgram_home").values()
        for node in nodes(file)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "gate"
    }
    sealers = used["seal"] | used["void"] | {file for file, name in calls if name in ("seal", "void")}
    assert sealers == SEALING
    checkers = used["check"] | {file for file, name in calls if name == "check"}
    assert any(file.startswith(DOOR) for file in checkers)


def test_only_the_door_opens_permits_in_the_tripwire():
    users = {
        file.relative_to(ROOT).as_posix()
        for file in modules("diffgram_home").values()
        for node in nodes(file)
        if getattr(node, "attr", getattr(node, "name", None)) in ("connecting", "looking_up")
    }
    assert users == CONNECTING | {"diffgram_home/tripwire.py"}


def test_the_base_install_needs_no_more_than_two_libraries():
    tops = {name.partition(".")[0] for _, _, name in all_imports(*BASE)}
    assert tops - sys.stdlib_module_names - MAY_IMPORT.keys() <= BASE_THIRD_PARTY


def test_catalogue_and_gate_can_be_read_with_the_standard_library_alone():
    known = modules("audit")
    todo, seen = set(STANDARD_ONLY), set()
    while todo:
        module = todo.pop()
        seen.add(module)
        for name in imports(known[module]):
            assert name.partition(".")[0] in sys.stdlib_module_names | {"audit"}, f"{module} imports {name}"
            todo |= ({name, name.rpartition(".")[0]} & known.keys()) - seen
    assert {"audit._rules", "audit._lines", "audit.catalogue"} <= seen


def test_modules_of_a_package_have_no_cycle():
    for package in MAY_IMPORT:
        known = modules(package)
        graph = {
            module: {n for name in imports(path) for n in (name, name.rpartition(".")[0]) if n in known} - {module}
            for module, path in known.items()
        }
        for module, wanted in graph.items():  # an __init__ re-exports its parts, and is no dependency of theirs
            wanted -= {name for name in wanted if f"{module}.".startswith(f"{name}.")}
        tuple(graphlib.TopologicalSorter(graph).static_order())


def test_no_variable_hides_a_package():
    hiding = []
    for path in modules(*MAY_IMPORT).values():
        for node in nodes(path):
            stored = isinstance(node, ast.arg) or isinstance(getattr(node, "ctx", None), ast.Store)
            name = node.arg if isinstance(node, ast.arg) else getattr(node, "id", None)
            if stored and name in {"event", "audit", "licensing", "install"}:
                hiding.append(f"{path.relative_to(ROOT)}:{node.lineno} {name}")
    assert hiding == []
