"""Judges one range of a ledger apart from the others, in a process of its own (used by `ranges`).

First the range is read and hashed, for the tree of all ranges; then, when the tree before it is known, its leaves are
judged from what one block of leaves before it says. What is said there, before the range, counts for nothing.
"""

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import NamedTuple, Protocol

import msgspec

from audit._bodies import Bodies
from audit._findings import Finding, Known
from audit._handover import UNKNOWN, Judged, Noted, State, state_of
from audit._judging import Judge
from audit._nodes import Nodes, Within, leaf_hashes
from audit._past import Past
from audit._together import take_all
from audit.errors import RecordRefused
from audit.record import ApprovalRule, BatchDecision, Mail, Mailed, Mode, Record, Sealed, parse
from audit.tree import Frontier

_STATE = msgspec.msgpack.Decoder(State)
_encode = msgspec.msgpack.Encoder().encode
IN_TURN: tuple[type[Record], ...] = (Mail, Mailed, ApprovalRule, BatchDecision)
"""Rare leaves that are judged by what was said any time before: their range is judged in turn."""
PAGE = 256
"""So many leaves are announced to the source at once."""
_END = 8
_SEALED, _MODE = b'sealed"}', b':"mode"}'
"""The last bytes of these leaves, as far as they tell them from others; whoever reads one looks at all of it."""
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


class Range:
    """The leaves of one range, with one block before it, held while it is judged."""

    def __init__(self, source: Source, number: int, sizes: Sizes) -> None:
        self.first, self.last = number * sizes.range, (number + 1) * sizes.range
        self._source, self._sizes = source, sizes
        self._begin = max(0, self.first - sizes.block)
        self._leaves: list[bytes] = []
        self._before: list[bytes] = []
        self._hashes: list[bytes] = []

    def read(self) -> Summary | None:
        """Read and hash the range; None if a leaf of it is not there."""
        found = list(self._source.leaves(self._begin, self.last))
        if [position for position, _ in found] != list(range(self._begin, self.last)):
            return None
        self._leaves = [data for _, data in found]
        hashes, here = leaf_hashes(self._leaves), self.first - self._begin
        self._before, self._hashes = hashes[:here], hashes[here:]
        self._nodes = Nodes(self._hashes)
        before_end = self._nodes.peaks(self._sizes.range - self._sizes.block)
        return Summary(self._nodes.root, b"".join(peak[1:] for peak in before_end))

    def judge(self, lead: bytes, known: Known) -> Judged | None:
        """Judge the range; None if anything is found, or it cannot be handed on. `lead` is the frontier before it."""
        past, here = Past(self._sizes.block), self.first - self._begin
        past.begin(Frontier.from_bytes(lead))
        before = self._judge_before(past, known)
        sealed = [at for at, data in enumerate(self._leaves[here:], self.first) if data[-_END:] == _SEALED]
        past = Within(past, self._nodes, sealed)
        kept = tuple((size, root) for size, root in known.kept if self.first < size <= self.last)
        bodies = Noted(self._source.body)
        judge = Judge(bodies, replace(known, kept=kept), past=past)
        judge.steps.update(dict.fromkeys(IN_TURN, lambda _: judge.note("in-turn", "judged among all the others only")))
        begun = _assume(judge, before, self._leaves[here:], [at - self.first for at in sealed])
        if begun is None:
            return None
        for at in range(here, len(self._leaves), PAGE):
            page = self._leaves[at : at + PAGE]
            self._source.announce(page)
            take_all(judge, self._begin + at, page, self._hashes[at - here : at - here + PAGE])
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


def _assume(judge: Judge, before: Judge, leaves: list[bytes], sealed: list[int]) -> State | None:
    """Let `judge` begin with what the block before says, and what the range itself says first of each case."""
    numbers = judge.numbers
    numbers.next, numbers.open, numbers.attempts = before.numbers.next, before.numbers.open, before.numbers.attempts
    judge.requests.open, judge.agreed = before.requests.open, -1
    judge.stand_at(before.at)
    generation = None
    for entry in _first_of_each(leaves, sealed):
        if isinstance(entry, Sealed):
            numbers.next[entry.case] = entry.sequence
        if generation is None:
            generation = entry.generation
    judge.generation = generation or 0
    begun = state_of(judge, UNKNOWN if generation is None else generation)
    return begun and _STATE.decode(_encode(begun))  # as it is now: what it is made of goes on changing


def _first_of_each(leaves: list[bytes], sealed: list[int]) -> Iterator[Sealed | Mode]:
    """What moved a mode before the first leaf that is `sealed`, and the first of these for each case, in order."""
    found = [data for data in leaves[: sealed[0] if sealed else None] if data[-_END:] == _MODE]
    begins: tuple[bytes, ...] = ()
    for at in sealed:
        data = leaves[at]
        if not data.startswith(begins, _CASE_BEGINS):
            begins = *begins, data[_CASE_BEGINS : data.find(b'"', _CASE_BEGINS) + 1]
            found.append(data)
    for data in found:
        with contextlib.suppress(RecordRefused):  # the judge finds it
            entry = parse(data)
            if isinstance(entry, Sealed | Mode):
                yield entry


def _said(judge: Judge, begun: State, bodies: Noted) -> Judged | None:
    numbers = judge.numbers
    ended = state_of(judge, judge.generation)
    if ended is None or judge.found:
        return None
    return Judged(
        makers={account: list(by) for account, by in judge.approving.makers.items()},
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
