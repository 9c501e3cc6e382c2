"""home.js and its siblings, as they are served: their bytes, what pins them, and the tag that loads one."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).with_name("built")
NAMES: Final = frozenset(path.name for path in FOLDER.iterdir())


@dataclass(frozen=True, slots=True)
class Tags:
    """The tags for a page, and the directives that its policy needs for them."""

    tags: tuple[str, ...]
    policy: str


def tags(project: str, base: str, own: bool) -> Tags:
    """Return what a page of `project` needs; `base` is the origin of the installation, empty where it is the page's.

    With `own` the product serves the scripts itself. The page replaces NONCE, ROUTE and RELEASE.
    """
    telling = f'data-to="{base}/browser/{project}/" data-route="ROUTE" data-release="RELEASE" '
    told = {"home.js": telling, "extras.js": ""}
    made = tuple(_tag(name, "" if own else base, own, more) for name, more in told.items())
    connect = base or "'self'"
    return Tags(made, f"script-src 'nonce-NONCE'; connect-src {connect}; require-trusted-types-for 'script'")


def _tag(name: str, base: str, own: bool, more: str) -> str:
    source = f"/{name}" if own else f"{base}/browser/{name}?v={version(name)}"
    crossing = "" if own or not base else "crossorigin "
    return f'<script src="{source}" integrity="{integrity(name)}" {crossing}nonce="NONCE" {more}defer></script>'


@cache
def content(name: str) -> bytes:
    """One of `NAMES`; each has a few kilobytes at most."""
    return (FOLDER / name).read_bytes()


def integrity(name: str) -> str:
    """The value of the attribute `integrity` for one of `NAMES`."""
    return pinned(content(name))


def version(name: str) -> str:
    """What stands behind `?v=`: another file has another address, so that it may be kept for ever."""
    return hashlib.sha256(content(name)).hexdigest()[:16]


def pinned(data: bytes) -> str:
    """The value of the attribute `integrity` for these bytes (Subresource Integrity)."""
    return f"sha384-{base64.b64encode(hashlib.sha384(data).digest()).decode()}"
