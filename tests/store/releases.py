"""Releases of the shop for the tests of upgrades: a catalogue with something changed, put in place as upgrades do."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

from diffgram_home import settings
from diffgram_home.home import Home, open_home
from tests.store.building import CATALOGUE, FIELD, TYPED

WEIGHT = 'type = "count"\nunit = "grams"\nmaximum = 1000\nexample = 12'


def catalogue(changes: Mapping[str, tuple[str, str]] | None = None, **more: str) -> str:
    """The shop's catalogue: `changes` are field → (old text, new text) in its table, `more` fields by name and type."""
    tables = {name: FIELD.format(name=name, typed=typed) for name, typed in {**TYPED, **more}.items()}
    for name, (old, new) in (changes or {}).items():
        assert old in tables[name], (name, old)
        tables[name] = tables[name].replace(old, new)
    return CATALOGUE + "".join(tables.values())


def written(folder: Path, text: str, name: str = "next.toml") -> Path:
    """A catalogue file of a release that is not installed."""
    path = folder / name
    path.write_text(text)
    return path


def upgraded(home: Home, text: str) -> Home:
    """The same installation, opened anew with the product's next catalogue in place."""
    home.close()
    path = home.settings.path
    (path.parent / "shop.toml").write_text(text)
    pinned = hashlib.sha256(text.encode()).hexdigest()
    line = re.sub(r'(file = "shop.toml", sha256 = ")[0-9a-f]{64}', rf"\g<1>{pinned}", path.read_text())
    path.write_text(line)
    return open_home(settings.read(path, {}))
