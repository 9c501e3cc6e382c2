"""Makes a real installation in a temporary folder for the tests: settings, keys, SQLite, catalogue, spool."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zlib import crc32

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit import index, modes
from diffgram_home import consenting, intake, rules, sealing, settings, switching
from diffgram_home.home import Home, make_home, open_home
from diffgram_home.models import QUEUED, VOIDING, Batch

NOW = datetime(2026, 11, 21, 14, 1, 5, tzinfo=UTC)
KIND, OTHER_KIND = "shop/order-placed", "shop/order-packed"
ACTOR = "os:1000"
INDEX = index.new("shop 1.0.0", {"shop": {"buy": ((10, 20),)}}, frozenset({"ValueError"}))
CATALOGUE = """[catalogue]
namespace = "shop"
[kind."shop/order-placed"]
case = "event"
brief = "an order was placed by somebody"
since = "1.0.0"
[kind."shop/order-packed"]
case = "event"
brief = "an order was packed by somebody"
since = "1.0.0"
"""
FIELD = """
[field.{name}]
kinds = ["shop/order-placed", "shop/order-packed"]
{typed}
purpose = ["improve"]
brief = "something counted for the tests of this project"
sensitivity = "technical"
identifies = "nobody"
retention_days = 30
owner = "tests@diffgram.example"
since = "1.0.0"
expires = "never"
if_off = "nothing stops working"
"""
TYPED = {
    "at": 'type = "instant"\nprecision = "second"\nexample = "2026-11-21T14:01:05Z"\n'
    'transforms = ["coarser:minute", "coarser:hour", "coarser:day"]',
    "order_id": 'type = "id"\nmaximum = 9007199254740991\nkey_column = "order.id"\nexample = 7\n'
    'transforms = ["suppress:2", "suppress:3", "drop-rare:2"]',
    "items": 'type = "count"\nunit = "items"\nmaximum = 99\nexample = 3\n'
    'transforms = ["round:10", "round:50", "suppress:3"]',
    "paid": 'type = "flag"\nexample = true',
}
SETTINGS = """# the installation of the tests
name = "shop-tests"

[corporate]
url = "https://127.0.0.1:8091"
root = "sha256:{root}"

[product]
catalogue = [{{ file = "shop.toml", sha256 = "{catalogue}" }}]
index = {{ file = "shop.index", sha256 = "{index}" }}

[cases]
event = "{mode}"  # what the tests switch
"""


def write_files(folder: Path, mode: str = "on", more: str = "") -> Path:
    """Write catalogue, index and settings; returns the settings file."""
    folder.mkdir(parents=True, exist_ok=True)
    catalogue = (CATALOGUE + "".join(FIELD.format(name=n, typed=t) for n, t in TYPED.items())).encode()
    (folder / "shop.toml").write_bytes(catalogue)
    (folder / "shop.index").write_bytes(index.encode(INDEX))
    pins = {"catalogue": _sha256(catalogue), "index": _sha256(index.encode(INDEX)), "root": "0" * 64}
    path = folder / "diffgram-home.toml"
    path.write_text(SETTINGS.format(mode=mode, **pins) + more)
    return path


def build(folder: Path, mode: str = "on", more: str = "", *, approved: bool = True, database: str = "") -> Home:
    """An opened installation with its modes applied and, unless told otherwise, all fields approved."""
    path = write_files(folder, mode, more)
    environ = {"DIFFGRAM_HOME_DATABASE_URL": database} if database else {}
    found = settings.read(path, environ)
    make_home(found)
    home = open_home(found)
    switching.apply(home, NOW)
    if approved:
        consenting.approve(home, None, ACTOR, "security", "the tests", NOW)
    return home


def word(home: Home, kind: str = KIND) -> int:
    """The switch position that a product would read now, out of the mode file itself."""
    data = (home.settings.spool.folder / "modes").read_bytes()
    offset = modes.slots(data)[kind]
    return int.from_bytes(data[offset : offset + 4], "little")


def message(order: int, kind: str = KIND) -> dict[str, Any]:
    """A message as a product spools it."""
    return {"kind": kind, "at": "2026-11-21T14:00:59Z", "order_id": order, "paid": True}


def frame(payload: Mapping[str, Any] | bytes, switch: int) -> bytes:
    """One spool record."""
    body = payload if isinstance(payload, bytes) else json.dumps([switch, payload], separators=(",", ":")).encode()
    return b"\x1e%08x %b\n" % (crc32(body), body)


def spool(home: Home, orders: Iterable[int], kind: str = KIND, switch: int | None = None) -> Path:
    """Write a finished segment with one message for each order, as a product under the present switch would."""
    found = word(home, kind) if switch is None else switch
    return spool_bytes(home, b"".join(frame(message(order, kind), found) for order in orders))


def spool_bytes(home: Home, data: bytes) -> Path:
    """Write a finished segment of exactly these bytes; it appears whole, since nobody holds its lock meanwhile."""
    path = home.settings.spool.folder / f"{os.getpid()}-{secrets.token_hex(4)}-1.spool"
    written = path.with_suffix(".writing")
    written.write_bytes(data)
    return written.replace(path)


def collect_and_seal(home: Home, orders: Iterable[int], kind: str = KIND) -> list[sealing.Made]:
    """Spool, take and seal."""
    spool(home, orders, kind)
    intake.take(home, NOW)
    return sealing.seal_waiting(home, NOW)


def orders_in(body: bytes) -> list[int]:
    """The orders that a batch's bytes speak of."""
    return [json.loads(line)["order_id"] for line in body.splitlines()[1:]]


def batches_due(session: Session, now: datetime, cases: Collection[str], limit: int) -> list[Batch]:
    """Batches and voids of `cases` whose time has come, lowest numbers first."""
    wanted = select(Batch).where(Batch.state.in_((QUEUED, VOIDING)), Batch.case.in_(cases), Batch.next_try_at <= now)
    return list(session.scalars(wanted.order_by(Batch.case, Batch.sequence).limit(limit)))


def codec() -> Any:
    """The codec of the installation."""
    return rules.CODEC


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
