"""The bodies that leaves speak of: hash, size, header, and which are missing (used by `verification`).

Missing bodies are kept as stretches between bodies that are there, since a later leaf may say that they were pruned.
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import msgspec

from audit.record import Pruned, Request, RequestByHand, Sealed, Void

MAX_RUNS = 10_000
"""Stretches of missing bodies that are told apart; beyond it they are reported together."""

Body = Callable[[str], bytes | None]
"""Return the bytes with this SHA-256 (64 hexadecimal digits), or None when they are not there any more."""
Tell = Callable[[str, str], None]
"""Called with the code and the sentence of a finding at the leaf in hand."""


class Header(msgspec.Struct, frozen=True, gc=False):
    """The members of a batch's first line that a leaf repeats; the gate judges all of it."""

    installation: str
    case: str
    sequence: int
    ledger_size: int
    ledger_root: str
    messages: int
    catalogue: str
    index: str
    void: str | None = None


@dataclass(slots=True)
class Run:
    """A stretch of leaves without their bodies: nothing whose body is there stands between first and last."""

    first: int
    last: int
    bodies: int


_decode_header = msgspec.json.Decoder(Header).decode
_sha256 = hashlib.sha256


class Bodies:
    """Counts of the bodies seen, and the stretches of those missing."""

    def __init__(self, body: Body) -> None:
        self.seen = 0
        self.seen_bytes = 0
        self.pruned = 0
        self.runs: list[Run] = []
        self._body = body
        self._running = False
        self._fetched: tuple[str, bytes | None] | None = None

    def fetch(self, sha256: str) -> bytes | None:
        """Return the bytes under this hash. A second call for the same leaf, by `open`, asks nobody again."""
        data = self._body(sha256)
        self._fetched = sha256, data
        return data

    def drop(self) -> None:
        """Forget what was fetched: its leaf cannot be read."""
        self._fetched = None

    def held(self, size_bytes: int) -> None:
        """Count a body that was fetched, and whose every check has passed."""
        self._running = False
        self._fetched = None
        self.seen += 1
        self.seen_bytes += size_bytes

    def there(self) -> None:
        """Note that the last body was there: a stretch of missing ones has ended."""
        self._running = False

    def open(self, index: int, entry: Sealed | Void, tell: Tell) -> Header | None:
        """Return the header of the leaf's body after hash, size and header were compared; None when it cannot."""
        data = self.whole(index, entry, tell)
        if data is None:
            return None
        try:
            head = _decode_header(data[: data.find(b"\n")])
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            tell("body-malformed", "the body does not begin with the header of a batch")
            return None
        _compare(head, entry, data, tell)
        return head

    def whole(self, index: int, entry: Sealed | Void | Request | RequestByHand, tell: Tell) -> bytes | None:
        """Return the leaf's body after hash and size were compared; None when it is gone or another."""
        fetched, self._fetched = self._fetched, None
        data = fetched[1] if fetched and fetched[0] == entry.sha256 else self._body(entry.sha256)
        if data is None:
            self._missing(index)
            return None
        self._running = False
        self.seen += 1
        self.seen_bytes += len(data)
        if _sha256(data).hexdigest() != entry.sha256 or len(data) != entry.size_bytes:
            tell("body-changed", "the body does not have the hash and size that the leaf says")
            return None
        return data

    def sweep(self, index: int, entry: Pruned, tell: Tell) -> None:
        """Excuse missing bodies of leaves before the one that the pruning names."""
        if entry.before > index:
            tell("pruned-ahead", f"bodies before leaf {entry.before} cannot have been pruned yet")
            return
        self.excuse(entry.before)

    def excuse(self, before: int) -> None:
        """Count missing bodies of leaves before this one as pruned."""
        left = []
        for run in self.runs:
            if run.last < before:
                self.pruned += run.bodies
                continue
            run.first = max(run.first, before)
            left.append(run)
        self.runs = left

    def unexcused(self) -> Iterator[tuple[int, str]]:
        """Yield position and sentence for each stretch that no pruning explains."""
        for run in self.runs:
            yield run.first, f"bodies are missing from leaf {run.first} to {run.last}, and were not pruned"

    def _missing(self, index: int) -> None:
        self.miss(index, index, 1)

    def miss(self, first: int, last: int, bodies: int) -> None:
        """Note that so many bodies of these leaves are missing, and none between them is there."""
        if self.runs and (self._running or len(self.runs) >= MAX_RUNS):
            run = self.runs[-1]
            run.last, run.bodies = last, run.bodies + bodies
        else:
            self.runs.append(Run(first, last, bodies))
        self._running = True


def lines_in(data: bytes) -> int:
    """How many line feeds: CPython removes one byte's occurrences three times as fast as it counts them."""
    return len(data) - len(data.replace(b"\n", b""))


def _compare(head: Header, entry: Sealed | Void, data: bytes, tell: Tell) -> None:
    if (head.case, head.sequence, head.ledger_size, head.ledger_root) != (
        entry.case,
        entry.sequence,
        entry.ledger_size,
        entry.ledger_root,
    ):
        tell("body-differs", "the body's header names another number or checkpoint than the leaf")
    if lines_in(data) != head.messages + 1 or data[-1:] != b"\n":
        tell("body-differs", "the body does not have as many lines as its header says")
    if isinstance(entry, Void):
        if (head.void, head.messages) != (entry.reason, 0):
            tell("body-differs", "the body is not the void that the leaf speaks of")
    elif (head.catalogue, head.index, head.messages, head.void) != (
        entry.catalogue,
        entry.index,
        entry.messages,
        None,
    ):
        tell("body-differs", "the body's header names another catalogue, index or count of messages than the leaf")
