"""The lock files cover setup.cfg, hold hashes, agree with each other, and name no registry."""

from __future__ import annotations

import ast
import configparser
import re
import sys
from pathlib import Path

import _locks
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

IDS = [lock.path.name for lock in _locks.LOCKS]
PIN = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)", re.MULTILINE)
OURS = {"audit", "event", "licensing", "support_routes", "diffgram_home", "corporate"}
OURS |= {"annotator", "benchmarks", "tests"} | {path.stem for path in (_locks.ROOT / "install").glob("*.py")}
DISTRIBUTION_OF = {  # where a module's name is not its distribution's
    "argon2": "argon2-cffi", "flask_smorest": "flask-smorest", "time_machine": "time-machine", "_pytest": "pytest",
    "werkzeug": "flask", "jinja2": "flask", "markupsafe": "flask", "packaging": "pytest",
    "psycopg": "psycopg", "xdist": "pytest-xdist", "tzlocal": "apscheduler",
    "opentelemetry": "opentelemetry-sdk", "google": "protobuf",
}  # fmt: skip


def _pins(lock: _locks.Lock) -> dict[str, str]:
    return {canonicalize_name(name): version for name, version in PIN.findall(lock.path.read_text())}


@pytest.mark.parametrize("lock", _locks.LOCKS, ids=IDS)
def test_a_lock_covers_every_requirement_of_setup_cfg(lock: _locks.Lock) -> None:
    pins = _pins(lock)
    for requirement in map(Requirement, _locks.wanted(lock)):
        name = canonicalize_name(requirement.name)
        assert name in pins, f"{name} is not in {lock.path.name}: run install/lock"
        assert pins[name] in requirement.specifier, f"{name} {pins[name]} is not {requirement}: run install/lock"


@pytest.mark.parametrize("lock", _locks.LOCKS, ids=IDS)
def test_every_pin_has_a_hash_and_none_names_a_registry(lock: _locks.Lock) -> None:
    text = lock.path.read_text()
    assert all("--hash=sha256:" in part for part in re.split(r"(?m)^(?=\S+==)", text)[1:])
    assert "://" not in text
    assert "-index" not in text
    assert "/tmp" not in text
    assert "/work" not in text


def test_one_package_has_one_version_in_all_locks() -> None:
    seen: dict[str, str] = {}
    for lock in _locks.LOCKS:
        for name, version in _pins(lock).items():
            assert seen.setdefault(name, version) == version, f"{name}: run install/lock --upgrade"


@pytest.mark.parametrize(
    ("folder", "extras"),
    [
        ("audit", ("",)),
        ("event", ("",)),
        ("diffgram_home", ("", "home")),
        ("corporate", ("", "corporate")),
        ("tests", ("", "home", "corporate", "test")),
        ("benchmarks", ("", "home", "corporate", "benchmark")),
    ],
)
def test_what_a_package_imports_stands_in_its_extra(folder: str, extras: tuple[str, ...]) -> None:
    declared = {canonicalize_name(Requirement(line).name) for extra in extras for line in _extra(extra)}
    for path in sorted((_locks.ROOT / folder).rglob("*.py")):
        for module in _imported(path) - OURS - set(sys.stdlib_module_names) - _beside(path):
            name = canonicalize_name(DISTRIBUTION_OF.get(module, module))
            assert name in declared, f"{path.relative_to(_locks.ROOT)} imports {module!r}: put {name} in setup.cfg"


def _extra(extra: str) -> list[str]:
    setup = configparser.ConfigParser(interpolation=None)
    setup.read(_locks.ROOT / "setup.cfg")
    text = setup["options"]["install_requires"] if extra == "" else setup["options.extras_require"][extra]
    return [line for line in text.splitlines() if line.strip()]


def _imported(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.add(node.module.split(".")[0])
    return found


def _beside(path: Path) -> set[str]:
    """A test may import a module that lies beside it."""
    return {other.stem for other in path.parent.glob("*.py")} if "tests" in path.parts else set()
