"""Judges one range of a ledger apart from the others, in a process of its own (used by `ranges`).

First the range is read and hashed, for the tree of all ranges; then, when the tree before it is known, its leaves are
judged from what one block of leaves before it says. What is said there, before the range, counts for nothing.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import NamedTuple, Protocol

import msgspec

from audit._bodies import Bodies
from audit._findings import Finding, Known
from audit._handover import UNKNOWN, Judged, Noted, State, state_of
from audit._judging import Judge
from audit._past import Past
from audit.errors import RecordRefused
from audit.record import Mail, Mailed, Mode, Record, Sealed, parse
from audit.tree import Completed, Frontier

_sha256 = hashlib.sha256

_STATE = msgspec.msgpack.Decoder(State)
_encode = msgspec.msgpack.Encoder().encode
IN_TURN: tuple[type[Record], ...] = (Mail, Mailed)
"""Rare leaves that are judged by what was said any time before: their range is judged in turn."""
PAGE = 256
"""So many leaves are announced to the source at once."""
_SAY_MORE = (b'"type":"sealed"}', b'"type":"mode"}')
_CASE_BEGINS = 37
"""Each sealed leaf begins `{"at":"…","case":"`."""


class Begun(NamedTuple):
    """What a source holds: so many leaves, and what is known from elsewhere about them."""

    size: int
    known: Known


class Source(Protocol):
    """A ledger that can be read from any leaf on, in several processes, all of which see the same."""

    def begin(self) -> Begun:
        """Open it; called once in each process, before all else."""
        ...

    def leaves(self, first: int, last: int | None) -> Iterable[tuple[int, bytes]]:
        """Leaves from `first` to before `last` (None: all there are), with their positions."""
        ...

    def announce(self, leaves: Iterable[bytes]) -> None:
        """The bodies of these leaves will be asked for next."""
        ...

    def body(self, sha256: str) -> bytes | None:
        """The bytes under this hash, or None."""
        ...

    def beside(self, first: int, last: int | None) -> Iterable[Finding]:
        """What the source itself finds at these leaves; asked in order, by one process only."""
        ...


class Sizes(NamedTuple):
    """Leaves of a range and of a block; powers of two, the range no smaller. Tests have smaller ones."""

    range: int
    block: int


class Summary(msgspec.Struct):
    """The tree of one range: its root, and the peaks of its frontier one block before its end, largest first."""

    root: bytes
    before_end: bytes


class _Grown(Frontier):
    """A frontier that goes over a range whose every node is known."""

    __slots__ = ("_first", "_levels")

    def __init__(self, before: Frontier, levels: list[list[bytes]]) -> None:
        self.size, self._peaks, self._first, self._levels = before.size, before._peaks, before.size, levels

    def append(self, leaf: bytes, completed: Completed | None = None) -> int:  # noqa: ARG002  # both are known
        """Move over the next leaf."""
        index = self.size
        level, rest, peaks = 0, index - self._first, self._peaks
        while rest & 1:
            peaks.pop()
            rest >>= 1
            level += 1
        peaks.append(b"\x01" + self._levels[level][rest])
        self.size = index + 1
        return index


class Range:
    """The leaves of one range, with one block before it, held while it is judged."""

    def __init__(self, source: Source, number: int, sizes: Sizes) -> None:
        self.first, self.last = number * sizes.range, (number + 1) * sizes.range
        self._source, self._sizes = source, sizes
        self._begin = max(0, self.first - sizes.block)
        self._leaves: list[bytes] = []
        self._before: list[bytes] = []
        self._levels: list[list[bytes]] = []

    def read(self) -> Summary | None:
        """Read and hash the range; None if a leaf of it is not there."""
        found = list(self._source.leaves(self._begin, self.last))
        if [position for position, _ in found] != list(range(self._begin, self.last)):
            return None
        self._leaves = [data for _, data in found]
        hashes, here = [_sha256(b"\x00" + data).digest() for data in self._leaves], self.first - self._begin
        self._before, self._levels = hashes[:here], [hashes[here:]]
        while len(row := self._levels[-1]) > 1:
            pairs = zip(row[::2], row[1::2], strict=True)
            self._levels.append([_sha256(b"\x01" + left + right).digest() for left, right in pairs])
        return Summary(self._levels[-1][0], b"".join(self._peaks(self._sizes.range - self._sizes.block)))

    def _peaks(self, size: int) -> Iterator[bytes]:
        for level, row in reversed(list(enumerate(self._levels))):
            if size >> level & 1:
                yield row[(size >> level) - 1]

    def judge(self, lead: bytes, known: Known) -> Judged | None:
        """Judge the range; None if anything is found, or it cannot be handed on. `lead` is the frontier before it."""
        past, here = Past(self._sizes.block), self.first - self._begin
        past.begin(Frontier.from_bytes(lead))
        before = self._judge_before(past, known)
        past.frontier = _Grown(past.frontier, self._levels)
        kept = tuple((size, root) for size, root in known.kept if self.first < size <= self.last)
        bodies = Noted(self._source.body)
        judge = Judge(bodies, replace(known, kept=kept), past=past)
        judge.steps.update(dict.fromkeys(IN_TURN, lambda _: judge.note("in-turn", "judged among all the others only")))
        begun = _assume(judge, before, self._leaves[here:])
        if begun is None:
            return None
        for at in range(here, len(self._leaves), PAGE):
            page = self._leaves[at : at + PAGE]
            self._source.announce(page)
            for index, data in enumerate(page, at):
                judge.take(self._begin + index, data, self._levels[0][index - here])
            if judge.found:
                return None
        return _said(judge, begun, bodies)

    def _judge_before(self, past: Past, known: Known) -> Judge:
        """Whoever has judged the last leaves before the range, without looking at bodies and receipts."""
        before = Judge(Bodies(lambda _: None), Known(installation=known.installation), past=past)
        begin = len(self._before) - self._sizes.block // 4
        for index, leaf in enumerate(self._before):
            if index < begin:
                past.append(leaf)
            else:
                before.take(self._begin + index, self._leaves[index], leaf)
        return before


def _assume(judge: Judge, before: Judge, leaves: list[bytes]) -> State | None:
    """Let `judge` begin with what the block before says, and what the range itself says first of each case."""
    numbers = judge.numbers
    numbers.next, numbers.open, numbers.attempts = before.numbers.next, before.numbers.open, before.numbers.attempts
    judge.requests.open, judge.at, judge.agreed = before.requests.open, before.at, -1
    generation = None
    for entry in _first_of_each(leaves):
        if isinstance(entry, Sealed):
            numbers.next[entry.case] = entry.sequence
        if isinstance(entry, Sealed | Mode) and generation is None:
            generation = entry.generation
    judge.generation = generation or 0
    begun = state_of(judge, UNKNOWN if generation is None else generation)
    return begun and _STATE.decode(_encode(begun))  # as it is now: what it is made of goes on changing


def _first_of_each(leaves: list[bytes]) -> Iterator[Record]:
    """The first sealed leaf of each case, and the leaves about modes, in order."""
    cases = set()
    for data in leaves:
        if not data.endswith(_SAY_MORE):
            continue
        case = data[_CASE_BEGINS : data.find(b'"', _CASE_BEGINS)]
        if data.endswith(_SAY_MORE[0]) and case in cases:
            continue
        cases.add(case)
        try:
            yield parse(data)
        except RecordRefused:
            continue  # the judge finds it


def _said(judge: Judge, begun: State, bodies: Noted) -> Judged | None:
    numbers = judge.numbers
    ended = state_of(judge, judge.generation)
    if ended is None or judge.found:
        return None
    return Judged(
        begun=begun,
        ended=ended,
        bodies=bodies.notes,
        last_is_there=bodies.last_is_there,
        seen=bodies.seen,
        seen_bytes=bodies.seen_bytes,
        accepted=numbers.accepted,
        receipts=numbers.receipts_checked,
        vouched=numbers.vouched,
        documents=judge.requests.checked,
        agreed=judge.agreed,
        unread=judge.unread,
        kept=judge.kept_held,
    )
