"""Modes: whether a case, and each kind in it, is collected and may leave now; and the file that tells products.

`off`: nothing is collected. `local`: collected and shown to the customer, never sent. `on`: may leave, if approved.
Access cases have `off` and `on`; `licensing` has `offline` and `on` (design 6). A kind's own mode can only narrow its
case's mode. `offline` is collected and may leave as `on` does, but only in files carried by hand: the door sends a case
that is `on` and no other, so what differs is the way out, and a switch between the two loses nothing.

**A mode's date is kept without clocks.** The installation counts every change of an effective mode in one rising
`generation`. A product reads the word `generation << 2 | mode` of a kind from a memory-mapped file and writes it with
each record, so every message carries the switch position under which it was collected. The gate takes only messages
of the present generation: nothing collected under `local`, or under an earlier `on`, ever leaves, whatever the clock.

The mode file: `DHMODES1`, one byte `stale`, three zero bytes, the length of a JSON directory (u32, little-endian), the
directory `{"kinds": {kind: offset}, "off": [field]}`, and the words, u32 little-endian, at multiples of four. `off`
names the fields that are switched off, which a product does not even reduce; it is absent without any. Words are
overwritten in place, four bytes at a time, so a reader sees the old or the new one. A file with other kinds or other
fields off replaces this one by rename; then `stale` is set and all words are zeroed in the old one, so that whoever
still maps it reads `off` and maps again. A kind that is absent, and a file that cannot be read, mean `off`.
"""

import json
import struct
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from audit.catalogue import CASES, Catalogue

MODES: Mapping[str, tuple[str, ...]] = {
    "event": ("off", "local", "on"),
    "browser": ("off", "local", "on"),
    "support": ("off", "on"),
    "licensing": ("offline", "on"),
}
DEFAULTS: Mapping[str, str] = {"event": "local", "browser": "local", "support": "off", "licensing": "offline"}
KIND_MODES = ("off", "local", "on")
MAGIC = b"DHMODES1"
STALE_OFFSET = 8
MAX_GENERATION = 2**30 - 1
_HEAD = struct.Struct("<8sB3xI")
_WORD = struct.Struct("<I")
_RANK = {"off": 0, "offline": 0, "local": 1, "on": 2}
_NAMES = ("off", "local", "on")


@dataclass(frozen=True, slots=True)
class Switch:
    """The effective mode of a kind, and the generation at which it last changed."""

    mode: str
    generation: int


OFF = Switch("off", 0)


@dataclass(frozen=True, slots=True)
class Modes:
    """`cases` maps a case to its mode; `kinds` maps every live kind to its effective switch."""

    cases: Mapping[str, str]
    kinds: Mapping[str, Switch]

    def of(self, kind: str) -> Switch:
        """Return the effective switch of `kind`; `off` when it is not known."""
        return self.kinds.get(kind, OFF)


ALL_OFF = Modes({"event": "off", "browser": "off", "support": "off", "licensing": "offline"}, {})


def effective(catalogue: Catalogue, cases: Mapping[str, str], kinds: Mapping[str, str]) -> dict[str, str]:
    """Return the narrower of case's and kind's mode for every live kind; what is not named has its default.

    For a kind, `offline` counts as `on`: its messages may leave, by hand.
    """
    result = {}
    for name, kind in catalogue.kinds.items():
        if kind.removed or kind.case not in CASES:
            continue
        case_mode = cases.get(kind.case, DEFAULTS[kind.case])
        own = kinds.get(name, "on")
        result[name] = narrower("on" if leaves_by_hand(kind.case, case_mode) else _NAMES[_RANK[case_mode]], own)
    return result


def leaves_by_hand(case: str, mode: str) -> bool:
    """Return whether batches of `case` in this mode may be carried by hand; `offline` is a mode of licensing only."""
    return mode == "on" or (mode == "offline" and mode in MODES[case])


def narrower(one: str, other: str) -> str:
    """Return the narrower of two modes."""
    return min(one, other, key=_RANK.__getitem__)


def narrowed(switch: Switch, mode: str) -> Switch:
    """Return the switch, held to `mode` where that is narrower; it keeps its generation."""
    return Switch(narrower(switch.mode, mode), switch.generation)


def advance(before: Modes, cases: Mapping[str, str], wanted: Mapping[str, str], generation: int) -> tuple[Modes, int]:
    """Return the modes after a change, and the new generation.

    Every kind whose effective mode differs from `before` gets the generation after `generation`; others keep theirs.
    """
    changed = [kind for kind, mode in wanted.items() if before.of(kind).mode != mode]
    changed += [kind for kind in before.kinds if kind not in wanted]
    if not changed:
        return Modes(dict(cases), {kind: before.of(kind) for kind in wanted}), generation
    risen = generation + 1
    kinds = {
        kind: before.of(kind) if before.of(kind).mode == mode else Switch(mode, risen) for kind, mode in wanted.items()
    }
    return Modes(dict(cases), kinds), risen


def word(switch: Switch) -> int:
    """Return the 32-bit word of a switch: the generation above two bits of mode."""
    return switch.generation << 2 | _RANK[switch.mode]


def from_word(value: int) -> Switch:
    """Return the switch of a word; the unused mode 3 is read as `off`."""
    mode = value & 3
    return Switch(_NAMES[mode] if mode < len(_NAMES) else "off", value >> 2)


def pack(modes: Modes, off: Collection[str] = ()) -> bytes:
    """Return a whole mode file for `modes`, with the fields that are switched off."""
    names = sorted(modes.kinds)
    directory, start = b"", 0
    for _ in range(8):  # the offsets stand in the directory, whose length moves them: it settles within a few rounds
        body: dict[str, Any] = {"kinds": {name: start + 4 * i for i, name in enumerate(names)}}
        body |= {"off": sorted(off)} if off else {}
        directory = json.dumps(body, separators=(",", ":")).encode()
        settled = -(-(_HEAD.size + len(directory)) // 4) * 4
        if settled == start:
            break
        start = settled
    head = _HEAD.pack(MAGIC, 0, len(directory)) + directory
    words = b"".join(_WORD.pack(word(modes.kinds[name])) for name in names)
    return head.ljust(start, b" ") + words


def slots(data: bytes) -> dict[str, int]:
    """Return kind → offset of its word in a mode file.

    Raises ValueError when `data` is no mode file, is stale, or names an offset outside itself.
    """
    directory, end = _directory(data)
    kinds = directory.get("kinds")
    if not isinstance(kinds, dict):
        raise ValueError("a mode file without its directory")
    if not all(_is_word(offset, end, len(data)) for offset in kinds.values()):
        raise ValueError("a word outside the mode file")
    return kinds


def fields_off(data: bytes) -> frozenset[str]:
    """Return the names of the fields that a mode file says are switched off. Raises ValueError as `slots`."""
    names = _directory(data)[0].get("off", [])
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError("a mode file whose fields are no list of names")
    return frozenset(names)


def _directory(data: bytes) -> tuple[dict[str, Any], int]:
    """Return the directory, and where it ends."""
    if len(data) < _HEAD.size:
        raise ValueError("shorter than the head of a mode file")
    magic, stale, length = _HEAD.unpack_from(data)
    if magic != MAGIC or stale:
        raise ValueError("no mode file, or one that was replaced")
    try:
        directory = json.loads(data[_HEAD.size : _HEAD.size + length])
    except RecursionError:
        directory = None
    if not isinstance(directory, dict):
        raise ValueError("a mode file without its directory")
    return directory, _HEAD.size + length


def _is_word(offset: object, first: int, end: int) -> bool:
    return type(offset) is int and offset % 4 == 0 and first <= offset <= end - _WORD.size
