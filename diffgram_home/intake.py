"""Takes what products spooled into the database: records become blocks, drops become daily counts, damage a notice.

What a record is, and whose segment it is, is `event.spool`'s. Rules:
- Exactly once: blocks and the segment's cursor move in one transaction, which first makes sure that the cursor still
  stands where reading began. Killed before, all is read again; killed after, reading goes on behind it. The segment is
  removed only after that, under its lock; killed in between, it is found fully taken, and removed then.
- The cursor of a segment that vanished by other hands is kept: if the file comes back it is not taken twice.
- No record is lost for what stands beside it: damage is told with segment, position and size, and the rest goes on.
- Messages of a kind that the catalogue does not have stay here (case `undeclared`) and never reach the gate.
- Which of them are errors of one issue is noted in the same transaction (`grouping`), for the page Issues.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from audit.modes import MODES
from diffgram_home import blocks, counting, grouping
from diffgram_home.errors import StoreError
from diffgram_home.home import Home
from diffgram_home.models import Segment
from event import spool

CHUNK_BYTES = 4 * 1024 * 1024
UNDECLARED = "undeclared"
DAMAGED = "spool-damaged"


@dataclass(slots=True)
class Taken:
    """What one run took: messages by case, damaged stretches, bytes read, segments removed, drops newly counted."""

    messages: Counter[str] = field(default_factory=Counter)
    damages: int = 0
    size_bytes: int = 0
    removed: int = 0
    dropped: int = 0


@dataclass(frozen=True, slots=True)
class _Read:
    """A stretch of one segment: lines by case, damage, where it begins and ends, whether the segment ends with it.

    `errors` are, by case, the lines (by number) that hold an error, with its value.
    """

    lines: Mapping[str, list[bytes]]
    errors: Mapping[str, list[grouping.Error]]
    damages: tuple[spool.Damage, ...]
    begin: int
    end: int
    complete: bool


def take(home: Home, now: datetime) -> Taken:
    """Take all that is spooled now. Raises StoreError if the folder or the database cannot be used; nothing is lost."""
    taken = Taken()
    with home.store.read() as session:
        known = {row.name: (row.taken, row.counts) for row in session.scalars(select(Segment))}
    removed = []
    for segment in _segments(home.settings.spool.folder):
        offset, counts = known.get(segment.name, (0, "{}"))
        try:
            if _take_segment(home, segment, offset, counts, now, taken):
                removed.append(segment.name)
        except FileNotFoundError:
            continue  # it vanished by other hands
        except OSError as error:
            _say_unreadable(home, segment, error, now)
    if removed:
        with home.store.write() as session:
            session.execute(delete(Segment).where(Segment.name.in_(removed)))
    taken.removed = len(removed)
    return taken


def _segments(folder: Path) -> tuple[spool.Segment, ...]:
    try:
        return spool.segments(folder)
    except OSError as error:
        hint = "correct [spool] folder, or its permissions; what products spooled stays where it is"
        raise StoreError("spool-unusable", f"cannot read the spool '{folder}': {error.strerror}", hint) from error


def _take_segment(home: Home, segment: spool.Segment, offset: int, counts: str, now: datetime, taken: Taken) -> bool:
    """Take one segment as far as it goes; True if it was finished and removed. Raises OSError of its files."""
    cases = {name: kind.case for name, kind in home.catalogue.kinds.items() if kind.removed is None}
    keys = grouping.keys(home.catalogue)
    with spool.claim(segment.path) as claim:
        complete = False
        while not complete:
            data = spool.read(segment.path, offset, CHUNK_BYTES)
            with blocks.without_collector():
                stretch = _parse(data, offset, claim is not None, cases, keys)
            fresh, drops = _drops(segment, counts)
            if stretch.end == offset and fresh == counts:
                break
            if not _keep(home, segment, stretch, counts, fresh, drops, now):
                return False
            _count(taken, stretch, drops)
            stuck = stretch.end == offset
            offset, counts, complete = stretch.end, fresh, stretch.complete or stuck
        if claim is None:
            return False
        claim.remove()
    return True


def _parse(data: bytes, offset: int, claimed: bool, cases: Mapping[str, str], keys: Mapping[str, str]) -> _Read:
    """Sort the records of `data`, which begins at `offset` of the segment, by case."""
    reaches_end = len(data) < CHUNK_BYTES
    lines: dict[str, list[bytes]] = defaultdict(list)
    errors: dict[str, list[grouping.Error]] = defaultdict(list)
    damages, end = [], 0
    for found in spool.frames(data, claimed and reaches_end):
        end = found.end
        if type(found) is spool.Frame:
            kind = found.message["kind"]
            case = cases.get(kind, UNDECLARED)
            case = case if case in MODES else UNDECLARED
            if kind in keys and keys[kind] in found.message:
                errors[case].append((len(lines[case]), found.message[keys[kind]]))
            lines[case].append(found.payload)
        else:
            damages.append(spool.Damage(offset + found.start, offset + found.end, found.reason))
    return _Read(lines, errors, tuple(damages), offset, offset + end, reaches_end)


def _keep(
    home: Home,
    segment: spool.Segment,
    stretch: _Read,
    counts: str,
    fresh: str,
    drops: Mapping[spool.Dropped, int],
    now: datetime,
) -> bool:
    """Blocks, counts and cursor in one transaction; False if another process was faster."""
    with home.store.write() as session:
        row = session.get(Segment, segment.name)
        if row is None and not segment.path.exists():
            return False  # read just before another process finished it: file first, then row, are gone
        if (row.taken, row.counts) != (stretch.begin, counts) if row else stretch.begin != 0:
            return False
        for case, lines in stretch.lines.items():
            _add_blocks(home, session, case, lines, stretch.errors.get(case, ()), now)
            counting.add_hour(session, now, case, collected=len(lines))
        _add_drops(home, session, drops, now)
        if stretch.lines.get(UNDECLARED):
            reason = {("undeclared-kind", "<undeclared>"): len(stretch.lines[UNDECLARED])}
            counting.add_tally(session, now, counting.WITHHELD, UNDECLARED, reason)
        for damage in stretch.damages:
            _say_damaged(session, segment, damage, now)
        if row is None:
            session.add(Segment(name=segment.name, taken=stretch.end, counts=fresh))
        else:
            row.taken, row.counts = stretch.end, fresh
    return True


def _add_blocks(
    home: Home, session: Session, case: str, lines: Sequence[bytes], errors: Sequence[grouping.Error], now: datetime
) -> None:
    for start in range(0, len(lines), blocks.MAX_MESSAGES):
        stop = start + blocks.MAX_MESSAGES
        block = blocks.new(case, lines[start:stop], now)
        session.add(block)
        held = [(number - start, value) for number, value in errors if start <= number < stop]
        if held:
            session.flush()
            grouping.note(home, session, block, held)


def _drops(segment: spool.Segment, before: str) -> tuple[str, dict[spool.Dropped, int]]:
    """The segment's drop counts as text for its row, and what is new since `before`."""
    old = json.loads(before)
    now = {f"{d.reason}|{d.kind}|{d.key}": (d, count) for d, count in spool.counts_of(segment.path).items()}
    new = {dropped: count - old.get(name, 0) for name, (dropped, count) in now.items() if count > old.get(name, 0)}
    merged = {**old, **{name: count for name, (_, count) in now.items() if count > old.get(name, 0)}}
    return json.dumps(merged, sort_keys=True), new


def _add_drops(home: Home, session: Session, drops: Mapping[spool.Dropped, int], now: datetime) -> None:
    by_case: dict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
    for dropped, count in drops.items():
        kind = home.catalogue.kinds.get(dropped.kind)
        case = kind.case if kind else UNDECLARED
        by_case[case][dropped.reason[:40], f"{dropped.kind}.{dropped.key}" if dropped.key else dropped.kind] += count
    for case, counts in by_case.items():
        counting.add_tally(session, now, counting.DROPPED, case, counts)


def _say_damaged(session: Session, segment: spool.Segment, damage: spool.Damage, now: datetime) -> None:
    size = damage.end - damage.start
    counting.add_tally(session, now, counting.DROPPED, UNDECLARED, {(f"spool-{damage.reason}", "<damaged>"): 1})
    text = f"{size} bytes at position {damage.start} of '{segment.path.name}' are no record ({damage.reason})"
    if damage.reason == "torn":
        hint = "a process was killed while it wrote; the record had not been acknowledged, nothing is to be done"
    else:
        hint = "the other records were taken; if it happens again, check the disk"
    counting.notice(session, now, DAMAGED, damage.reason, text, hint)


def _say_unreadable(home: Home, segment: spool.Segment, error: OSError, now: datetime) -> None:
    with home.store.write() as session:
        text = f"cannot read or remove '{segment.path}': {error.strerror or error}"
        hint = "let the installation's user read and remove it: folder setgid 2770, files 0640 of the same group"
        counting.notice(session, now, "spool-unusable", segment.path.name, text, hint)


def _count(taken: Taken, stretch: _Read, drops: Mapping[spool.Dropped, int]) -> None:
    taken.messages.update({case: len(lines) for case, lines in stretch.lines.items()})
    taken.damages += len(stretch.damages)
    taken.size_bytes += stretch.end - stretch.begin
    taken.dropped += sum(drops.values())
