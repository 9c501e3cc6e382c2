"""Reads the catalogue of a release that is not installed yet: from a catalogue file, or out of a wheel.

A wheel is a ZIP file; every TOML file in it that begins as a catalogue does counts, be it ours
(`audit/outbound_fields.toml`) or a product's. What is found stands in for the installed file of the same namespace; the
others stay. Rules: nothing of the wheel is executed or unpacked to a disk, and a member is read up to a limit.
"""

from __future__ import annotations

import tomllib
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from audit import catalogue
from audit.catalogue import Catalogue, Source
from audit.errors import CatalogueFaults
from diffgram_home.errors import HomeError
from diffgram_home.settings import Settings

MAX_BYTES = 8 * 1024 * 1024
_HINT = "name a catalogue file, or a wheel of diffgram-home or of the product"


class ReleaseError(HomeError):
    """The file of a release cannot be read, or holds no catalogue."""


def read(settings: Settings, paths: Sequence[Path]) -> Catalogue:
    """The catalogue as it would be with the files at `paths` installed. Raises ReleaseError, OSError."""
    new: dict[str, Source] = {}
    for path in paths:
        found = {_namespace(source): source for source in _sources(path)}
        if not found:
            raise ReleaseError("no-catalogue", f"'{path}' holds no catalogue", _HINT)
        new |= found
    files = [Source(str(pinned.file), pinned.file.read_text("utf-8")) for pinned in settings.product.catalogue]
    installed = {_namespace(source): source for source in (catalogue.core(), *files)}
    try:
        return catalogue.load(*(installed | new).values())
    except CatalogueFaults as faults:
        first = faults.faults[0]
        text = f"{first.file}:{first.line}: {first.message}"
        more = f" and {len(faults.faults) - 1} more" if len(faults.faults) > 1 else ""
        raise ReleaseError("catalogue-faulty", text + more, "ask the vendor for a mended release") from faults


def _sources(path: Path) -> Iterator[Source]:
    """Every catalogue in a file."""
    if not zipfile.is_zipfile(path):
        yield Source(str(path), _text(path.read_bytes(), str(path)))
        return
    try:
        with zipfile.ZipFile(path) as wheel:
            for member in wheel.infolist():
                if not member.filename.endswith(".toml"):
                    continue
                with wheel.open(member) as file:
                    name = f"{path}/{member.filename}"
                    source = Source(name, _text(file.read(MAX_BYTES + 1), name))
                if _namespace(source, strict=False):
                    yield source
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise ReleaseError("wheel-damaged", f"'{path}' cannot be read as a wheel", "download it again") from error


def _text(data: bytes, name: str) -> str:
    if len(data) > MAX_BYTES:
        raise ReleaseError("catalogue-large", f"'{name}' is larger than {MAX_BYTES} bytes", _HINT)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ReleaseError("no-catalogue", f"'{name}' is no text", _HINT) from error


def _namespace(source: Source, *, strict: bool = True) -> str:
    """The namespace that a catalogue file states; "" for a TOML file of another kind where that is no error."""
    try:
        head = tomllib.loads(source.text).get("catalogue")
    except tomllib.TOMLDecodeError as error:
        if not strict:
            return ""
        raise ReleaseError("no-catalogue", f"'{source.name}' is no TOML: {error}", _HINT) from error
    name = head.get("namespace") if isinstance(head, dict) else None
    if isinstance(name, str) and name:
        return name
    if strict:
        raise ReleaseError("no-catalogue", f"'{source.name}' is no catalogue: it states no namespace", _HINT)
    return ""
