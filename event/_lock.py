"""The libraries that a lock file pins, as they are installed where the release is built.

Reads lines `name==version` (pip, uv, pip-tools; hashes and comments are passed by), and files in TOML with a table
`package` or `packages` (uv, poetry, PEP 751). What is pinned must be installed here in that very version: another one
would say other words at other lines than the customer's.
"""

import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path, PurePath

_PIN = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?==([^\s;\\]+)\s*(;)?")
_SKIP = frozenset({"__pycache__", "node_modules", "site-packages"})


class LockFault(ValueError):
    """The lock file cannot be read, or is not what is installed here; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Locked:
    """One library: its name in one spelling, its version, and its modules with their files, sorted."""

    name: str
    version: str
    modules: tuple[tuple[str, Path], ...]


def read_lock(path: Path, without: Sequence[str] = ()) -> tuple[Locked, ...]:
    """Return the libraries of a lock file in the order of their names, less those named in `without`.

    A library pinned for other machines only (a marker that does not hold here) need not be installed. Raises LockFault
    with everything that is missing or differs, OSError for a file that cannot be read.
    """
    pins = dict(_pins(path))
    skipped = set(map(_spelt, without))
    if unknown := sorted(skipped - pins.keys()):
        raise LockFault(f"{path} pins no {unknown[0]!r}: correct --without")
    found: list[Locked] = []
    faults: list[str] = []
    for name, (version, is_conditional) in sorted(pins.items()):
        if name in skipped:
            continue
        try:
            installed = distribution(name)
        except PackageNotFoundError:
            faults += [] if is_conditional else [f"{name}=={version} is not installed"]
            continue
        if installed.version != version:
            faults.append(f"{name}=={version} is pinned, {installed.version} is installed")
        found.append(Locked(name, version, tuple(_modules(installed))))
    if faults:
        raise LockFault(f"{'; '.join(faults)}: install {path} into the environment of the build, then build again")
    return tuple(found)


def module_name(path: PurePath) -> str | None:
    """Return the module that a file is, relative to a root of names, or None when it cannot be imported from there."""
    parts = path.with_suffix("").parts
    if not _SKIP.isdisjoint(parts) or not all(part.isidentifier() for part in parts):
        return None
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


def _modules(installed: Distribution) -> Iterator[tuple[str, Path]]:
    for file in sorted(installed.files or ()):
        name = module_name(file) if file.suffix == ".py" else None
        if name is not None:
            yield name, Path(str(installed.locate_file(file)))


def _pins(path: Path) -> Iterator[tuple[str, tuple[str, bool]]]:
    """Yield name, version, and whether a marker stands with it."""
    text = path.read_text(encoding="utf-8")
    if path.suffix in (".toml", ".lock"):
        yield from _tables(path, text)
        return
    for line in text.splitlines():
        if (pin := _PIN.match(line.strip())) is not None:
            yield _spelt(pin[1]), (pin[2], pin[3] is not None)


def _tables(path: Path, text: str) -> Iterator[tuple[str, tuple[str, bool]]]:
    try:
        document = tomllib.loads(text)
        for table in document.get("package", document.get("packages", [])):
            if (
                "version" in table
                and "path" not in table.get("source", {})
                and "editable" not in table.get("source", {})
            ):
                yield _spelt(str(table["name"])), (str(table["version"]), True)
    except (tomllib.TOMLDecodeError, AttributeError, KeyError, TypeError) as fault:
        raise LockFault(
            f"{path} is no lock file that can be read here: use pip's, uv's, poetry's or pylock.toml"
        ) from fault


def _spelt(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
