"""What records about one numbered batch must say together: sealed, void, attempt, outcome (used by `verification`).

Only batches whose fate is open are kept, at most `MAX_OPEN`; an accepted one is forgotten.

    sealed ──▶ attempt ──▶ outcome accepted                       the number is done
      │           ▲   └──▶ outcome rejected | unknown ──▶ attempt …
      └──▶ void ──┘        the body changes to one without content; the number stays (an attempt may be under way)

An attempt by hand is an attempt whose outcome is unknown while its file is on the way; corporate's answer to it comes
as a record of its own, any time later, and ends the number like an outcome.
"""

from collections.abc import Callable
from typing import NamedTuple

import msgspec

from audit.errors import SignatureRefused
from audit.receipt import Receipt, matches
from audit.record import Attempt, AttemptByHand, Outcome, OutcomeByHand, Sealed, Void

MAX_OPEN = 100_000

Report = Callable[[str, str], None]
"""Called with the code and the sentence of a finding at the leaf in hand."""


class Batch(msgspec.Struct, array_like=True):
    """A body under a number, and for a void its reason and the hash that it replaced.

    `attempt` is the leaf of the attempt under way for this number; after a void it may be one for the body before.
    `by_hand` holds, for each body that was carried under this number, the leaf of the last attempt, and the batch then.
    """

    case: str
    sequence: int
    sha256: str
    size_bytes: int
    messages: int
    ledger_size: int
    ledger_root: str
    attempt: int | None = None
    reason: str | None = None
    replaced: str | None = None
    by_hand: "dict[str, tuple[int, Batch]]" = {}  # msgspec gives each its own


class Tried(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Which bytes an attempt was for."""

    case: str
    sequence: int
    sha256: str


class Sent(NamedTuple):
    """What a receipt must repeat of a body (`audit.receipt.Sent`)."""

    installation: str
    case: str
    sequence: int
    ledger_size: int
    ledger_root: str
    void: str | None


class Numbers:
    """The open batches and the next number of each case.

    `installation` is "" until a body or receipt has said it. `read_receipt` is None when no receipt can be checked.
    `vouched` is the size of the largest ledger whose root stands in a receipt that was checked.
    """

    def __init__(self, installation: str, read_receipt: Callable[[str], Receipt] | None) -> None:
        self.installation = installation
        self.open: dict[tuple[str, int], Batch] = {}
        self.attempts: dict[int, tuple[Batch | None, Tried]] = {}
        self.next: dict[str, int] = {}
        self.receipts_checked = 0
        self.vouched = 0
        self.accepted = 0
        self._read_receipt = read_receipt

    @property
    def reads_receipts(self) -> bool:
        """Whether receipts are checked."""
        return self._read_receipt is not None

    def has_room(self, more: int) -> bool:
        """Whether so many more may be open without giving up another."""
        return max(len(self.open), len(self.attempts)) + more <= MAX_OPEN

    def sealed(self, entry: Sealed, report: Report) -> None:
        """Take a new number: it is the next of its case."""
        expected = self.next.get(entry.case, 1)
        if entry.sequence > expected:
            report("sequence-gap", f"{entry.case}: numbers {expected} to {entry.sequence - 1} were never sealed")
        elif entry.sequence < expected:
            report("sequence-repeated", f"{entry.case}: number {entry.sequence} was sealed before")
        self.next[entry.case] = max(expected, entry.sequence + 1)
        stood = entry.ledger_size, entry.ledger_root
        self.opened(Batch(entry.case, entry.sequence, entry.sha256, entry.size_bytes, entry.messages, *stood), report)

    def opened(self, batch: Batch, report: Report) -> None:
        """Follow a batch under its number, whichever way its leaf was judged."""
        self.open[batch.case, batch.sequence] = batch
        if len(self.open) > MAX_OPEN:
            self.open.pop(next(iter(self.open)))
            report("too-many-open", f"more than {MAX_OPEN} batches are open: the oldest is no longer followed")

    def voided(self, entry: Void, report: Report) -> None:
        """Put a body without content under an open number; an attempt under way for the old one still gets its end."""
        key = entry.case, entry.sequence
        old = self.open.get(key)
        if old is None:
            report("void-without-batch", f"{entry.case}: number {entry.sequence} is not open, so it cannot be voided")
            return
        if old.replaced is not None or old.sha256 != entry.replaces:
            report("void-differs", f"{entry.case}: the void of number {entry.sequence} names another body")
        new = Batch(*key, entry.sha256, entry.size_bytes, 0, entry.ledger_size, entry.ledger_root)
        new.attempt, new.reason, new.replaced, new.by_hand = old.attempt, entry.reason, old.sha256, old.by_hand
        self.open[key] = new

    def attempted(self, index: int, entry: Attempt | AttemptByHand, report: Report) -> None:
        """Follow an attempt: it is for the body that stands under the number, and the one before has ended."""
        batch = self.open.get((entry.case, entry.sequence))
        if batch is None or (batch.sha256, batch.size_bytes) != (entry.sha256, entry.size_bytes):
            report("attempt-without-batch", f"{entry.case}: no open number {entry.sequence} has these bytes")
            batch = None
        elif batch.attempt is not None:
            report("attempt-unfinished", f"the attempt at leaf {batch.attempt} has no outcome before the next one")
            self.attempts.pop(batch.attempt, None)
        if batch is not None and isinstance(entry, AttemptByHand):
            batch.by_hand[entry.sha256] = index, batch
        self.began(index, batch, Tried(entry.case, entry.sequence, entry.sha256))

    def began(self, index: int, batch: Batch | None, tried: Tried) -> None:
        """Wait for the end of the attempt at leaf `index`, whichever way that leaf was judged."""
        if batch is not None:
            batch.attempt = index
        self.attempts[index] = batch, tried
        if len(self.attempts) > MAX_OPEN:  # so many were each reported when they began, or are too many open batches
            self.attempts.pop(next(iter(self.attempts)))

    def ended(self, entry: Outcome, report: Report) -> None:
        """Close an attempt with its outcome, and the number when its present body was accepted."""
        batch, attempt = self.attempts.pop(entry.attempt, (None, None))
        if attempt is None:
            report("outcome-without-attempt", f"leaf {entry.attempt} is no attempt that waits for an outcome")
            return
        if (entry.case, entry.sequence, entry.sha256) != (attempt.case, attempt.sequence, attempt.sha256):
            report("outcome-differs", f"the outcome speaks of other bytes than the attempt at leaf {entry.attempt}")
        key = attempt.case, attempt.sequence
        present = self.open.get(key)
        if present is not None and present.attempt == entry.attempt:
            present.attempt = None
        if entry.outcome == "accepted":
            self.accept(entry.receipt, batch, report)

    def answered(self, entry: OutcomeByHand, report: Report) -> None:
        """Take corporate's answer to bytes that were carried: the last attempt by hand of these very bytes."""
        present = self.open.get((entry.case, entry.sequence))
        carried = present.by_hand.get(entry.sha256) if present is not None else None
        if carried is None or carried[0] != entry.attempt or entry.attempt in self.attempts:
            text = f"leaf {entry.attempt} is no attempt by hand of these bytes that waits for an answer"
            report("outcome-without-attempt", text)
        elif entry.outcome == "accepted":
            self.accept(entry.receipt, carried[1], report)

    def accept(self, token: str | None, batch: Batch | None, report: Report) -> None:
        """Take the receipt `token` for a batch, and close its number where it still stands under it."""
        self.accepted += 1
        if batch is not None and self.open.get((batch.case, batch.sequence)) is batch:
            del self.open[batch.case, batch.sequence]
        if batch is not None and self._read_receipt is not None and token is not None:
            self._receipt(self._read_receipt, token, batch, report)

    def _receipt(self, read: Callable[[str], Receipt], token: str, batch: Batch, report: Report) -> None:
        try:
            found = read(token)
            self.installation = self.installation or found.installation
            stood = batch.ledger_size, batch.ledger_root
            matches(found, Sent(self.installation, batch.case, batch.sequence, *stood, batch.reason), batch.sha256)
        except SignatureRefused as no:
            report("receipt-refused", f"the receipt does not hold: {no} [{no.code}]")
            return
        if found.messages not in (batch.messages, 0):  # 0: deletion was asked for before it arrived
            report("receipt-refused", "the receipt counts other messages than the batch has")
            return
        if found.already not in (None, batch.replaced):
            report("received-elsewhere", "corporate holds other bytes under this number: is this identity used twice?")
            return
        self.receipts_checked += 1
        self.vouched = max(self.vouched, batch.ledger_size)
