"""A product's catalogue with a field of every type that a product can hand in, its index, and a spool to write to."""

import subprocess
import sys
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from pathlib import Path

from audit import catalogue, index, modes
from event import spool

ROOT = Path(__file__).parents[2]
KIND, OTHER_KIND, ERROR = "shop/order-placed", "shop/order-sent", "home/error"
SECRET = "rose.miller@hospital.example"

_HEAD = """[catalogue]
namespace = "shop"
[kind."shop/order-placed"]
case = "event"
brief = "an order was placed by somebody"
since = "1.0.0"
[kind."shop/order-sent"]
case = "event"
brief = "an order was sent to somebody"
since = "1.0.0"
"""
_FIELD = """
[field.{name}]
kinds = {kinds}
{params}
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
_TYPED = {
    "at": 'type = "instant"\nprecision = "minute"\nexample = "2026-11-21T14:01Z"',
    "order_id": 'type = "id"\nmaximum = 1000\nkey_column = "orders.id"\nexample = 7',
    "items": 'type = "count"\nunit = "items"\nmaximum = 50\nminimum = 1\nexplain = "SELECT count(*)"\nexample = 3',
    "size_bytes": 'type = "size_bytes"\nmaximum = 1000\nexample = 12',
    "took_ms": 'type = "duration_ms"\nmaximum = 1000\nexample = 12',
    "stock": 'type = "bucket"\nunit = "items"\nbounds = [10, 100]\nexample = "<10"',
    "gift": 'type = "flag"\nexample = true',
    "paid_by": 'type = "choice"\nchoices = ["card", "invoice"]\nexample = "card"',
    "release": 'type = "version"\nexample = "1.2.3"',
    "due": 'type = "instant"\nprecision = "day"\nexample = "2026-11-21"',
    "seen_at": 'type = "place"\nexample = "<place>"',
    "failed_with": 'type = "type"\nexample = "<type>"',
    "page": 'type = "route"\nexample = "<route>"',
    "note_looks": 'type = "shape"\nexample = ["email"]',
    "came_from": 'type = "site"\ndirectories = ["shop"]\nexample = "a.example"',
    "document": 'type = "keys"\nkeys = ["title", "pages"]\nexample = ["title"]',
    "draft": 'type = "token"\nexample = "3f2a9c41d7e84b06a5b1c0ffee123456"',
    "words": 'type = "code_text"\nexample = "order <> is late"',
}


def toml() -> str:
    """Return the product's catalogue file."""
    kinds = {"at": f'["{KIND}", "{OTHER_KIND}"]'}
    return _HEAD + "".join(
        _FIELD.format(name=name, kinds=kinds.get(name, f'["{KIND}"]'), params=params) for name, params in _TYPED.items()
    )


INDEX = index.new(
    "shop 2.7.1827",
    {"shop.orders": {"place": ((10, 20), (40, 44))}},
    frozenset({"ValueError", "KeyError", "shop.errors.OutOfStock", "ExceptionGroup", "OSError"}),
    frozenset({"/order/<int:id>"}),
    frozenset({"2.7.1827"}),
)


@cache
def read_catalogue() -> catalogue.Catalogue:
    return catalogue.load(catalogue.core(), catalogue.Source("shop.toml", toml()))


def set_modes(
    folder: Path, mode: str = "on", generation: int = 3, fields_off: Collection[str] = (), **kinds: str
) -> None:
    """Replace the mode file as the installation does, and mark the one before it stale."""
    found = modes.effective(
        read_catalogue(), {"event": mode}, {name.replace("__", "/"): m for name, m in kinds.items()}
    )
    switches = {kind: modes.Switch(m, generation) for kind, m in found.items()}
    path, fresh = folder / "modes", folder / "modes.new"
    fresh.write_bytes(modes.pack(modes.Modes({"event": mode}, switches), fields_off))
    old = path.open("r+b") if path.exists() else None
    fresh.rename(path)
    if old is None:
        return
    with old:
        data = old.read()
        for offset in modes.slots(data).values():
            old.seek(offset)
            old.write(bytes(4))
        old.seek(modes.STALE_OFFSET)
        old.write(b"\x01")


def write_word(folder: Path, kind: str, switch: modes.Switch) -> None:
    """Change one switch in place, as the installation does."""
    with (folder / "modes").open("r+b") as file:
        file.seek(modes.slots(file.read())[kind])
        file.write(modes.word(switch).to_bytes(4, "little"))


def found_in(folder: Path, final: bool = True) -> Iterator[spool.Frame | spool.Damage]:
    """Yield every record and damage of every segment in the folder."""
    for segment in spool.segments(folder):
        yield from spool.frames(spool.read(segment.path, 0, 1 << 30), final)


def messages_in(folder: Path) -> list[dict[str, object]]:
    """Return every message in the folder; fails if anything is damaged."""
    everything = list(found_in(folder))
    assert [item for item in everything if isinstance(item, spool.Damage)] == []
    return [item.message for item in everything if isinstance(item, spool.Frame)]


def counts_in(folder: Path) -> Mapping[str, int]:
    """Return reason|kind|key → count over all segments in the folder."""
    total: dict[str, int] = {}
    for counts in spool.counts(folder).values():
        for d, count in counts.items():
            name = f"{d.reason}|{d.kind}|{d.key}"
            total[name] = total.get(name, 0) + count
    return total


def product(*arguments: object, **options: object) -> "subprocess.Popen[str]":
    """Start tests/event/product.py, a real product in a process of its own."""
    command = [sys.executable, "-m", "tests.event.product", *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, text=True, stdout=subprocess.PIPE, **options)  # type: ignore[call-overload]
