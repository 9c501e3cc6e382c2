"""Recompute a whole ledger from its leaves and bodies, in bounded memory, and say where it does not hold.

The caller brings leaves in order and bodies by hash, from a store or from an export; nothing here opens a file.
`verify` yields a `Finding` for each thing that does not hold and goes on; its last item is the `Report`, which also
says what all this does NOT prove.

Checked, leaf by leaf: position, canonical form, the tree; the body's hash, size and header; numbers without gap for
each case; every attempt for bytes that were sealed, with one outcome; every outcome for one attempt; receipts; the
checkpoints that records quote; and every checkpoint that the caller kept elsewhere.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from audit import receipt
from audit._bodies import Bodies, Body
from audit._numbers import Numbers
from audit._past import BLOCK, Past
from audit.errors import RecordRefused
from audit.record import (
    Attempt,
    AttemptByHand,
    Checkpoint,
    Mode,
    Outcome,
    OutcomeByHand,
    Pruned,
    Record,
    Sealed,
    Void,
    parse,
)

FAULT, NOTE = "fault", "note"
_sha256 = hashlib.sha256


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that does not hold at the leaf `index` (None: of the whole). A note is not a fault of the ledger."""

    index: int | None
    code: str
    message: str
    severity: str = FAULT


@dataclass(frozen=True, slots=True)
class Head:
    """The size and root that the store or the export claims to end with."""

    size: int
    root: bytes


Item = tuple[int, bytes] | Finding | Head
"""What a source yields: (index, leaf bytes), its own trouble as a finding, or the head that it claims."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the caller knows from elsewhere, each part optional.

    kept         (size, root) of checkpoints whose signature the caller has verified, kept outside this host
    receipts     keys that may sign receipts (`signed.ring`); without them receipts stay unread
    installation whose ledger this is, 32 hexadecimal digits; else the first body says it
    """

    kept: tuple[tuple[int, bytes], ...] = ()
    receipts: Mapping[str, Ed25519PublicKey] | None = None
    installation: str | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """The end of a verification. It holds when there is no fault; `not_proved` says what even then stays open."""

    size: int
    root: str
    faults: int
    notes: int
    bodies: int
    body_bytes: int
    pruned: int
    accepted: int
    receipts: int
    pending: int
    kept: int
    not_proved: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Whether nothing was found wrong."""
        return self.faults == 0


def verify(source: Iterable[Item], body: Body, known: Known | None = None) -> Iterator[Finding | Report]:
    """Yield every finding in the order of the leaves, then one `Report`. Raises nothing of its own.

    `source` yields leaves from index 0, and where it can the head it claims. `body` is called once for each sealed or
    void leaf, before the next leaf is asked for.
    """
    state = _State(Bodies(body), known or Known())
    for item in source:
        if isinstance(item, tuple):
            state.take(*item)
        elif isinstance(item, Head):
            state.head = item
        else:
            state.pass_on(item)
        if state.found:
            yield from state.drain()
    state.finish()
    yield from state.drain()
    yield state.report()


@dataclass(slots=True)
class _State:
    bodies: Bodies
    known: Known
    head: Head | None = None
    past: Past = field(default_factory=Past)
    found: list[Finding] = field(default_factory=list)
    index: int = 0
    faults: int = 0
    notes: int = 0
    at: str = ""
    generation: int = 0
    shift: int = 0
    torn: bool = False
    agreed: int = 0
    differing: int = 0
    unread: int = 0
    kept_held: int = 0
    kept: dict[int, list[bytes]] = field(default_factory=dict)
    numbers: Numbers = field(init=False)
    steps: dict[type[Record], Callable[[Any], None]] = field(init=False)

    def __post_init__(self) -> None:
        keys = self.known.receipts
        self.numbers = Numbers(
            self.known.installation or "", None if keys is None else partial(receipt.read, keys=keys)
        )
        self.steps = {
            Sealed: self.sealed,
            Void: self.voided,
            Attempt: lambda entry: self.numbers.attempted(self.index, entry, self.fault),
            AttemptByHand: lambda entry: self.numbers.attempted(self.index, entry, self.fault),
            Outcome: lambda entry: self.numbers.ended(entry, self.fault),
            OutcomeByHand: lambda entry: self.numbers.answered(entry, self.fault),
            Mode: self.moved,
            Checkpoint: lambda entry: self.quoted(entry.size, entry.root),
            Pruned: lambda entry: self.bodies.sweep(self.index, entry, self.fault),
        }
        for size, root in self.known.kept:
            self.kept.setdefault(size, []).append(root)
        self.compare_kept(0)

    def take(self, index: int, data: bytes) -> None:
        self.index = index
        size = self.past.frontier.size
        if index - size != self.shift:
            self.fault("leaf-missing", f"leaf {size + self.shift} should stand here")
            self.shift, self.torn = index - size, True
        try:
            entry = parse(data)
        except RecordRefused as no:
            self.fault(no.code, str(no))
        else:
            if entry.at < self.at:
                self.note("clock-back", f"the clock went back from {self.at} to {entry.at}")
            self.at = entry.at
            step = self.steps.get(type(entry))
            if step is not None:
                step(entry)
        self.past.append(_sha256(b"\x00" + data).digest())
        if self.kept and not self.torn:
            self.compare_kept(size + 1)

    def sealed(self, entry: Sealed) -> None:
        self.rises(entry.generation)
        self.opened(entry)
        self.numbers.sealed(entry, self.fault)

    def voided(self, entry: Void) -> None:
        self.opened(entry)
        self.numbers.voided(entry, self.fault)

    def opened(self, entry: Sealed | Void) -> None:
        head = self.bodies.open(self.index, entry, self.fault)
        if head is not None:
            numbers = self.numbers
            numbers.installation = numbers.installation or head.installation
            if head.installation != numbers.installation:
                self.fault("body-differs", "the body's header names another installation")
        self.quoted(entry.ledger_size, entry.ledger_root)

    def moved(self, entry: Mode) -> None:
        self.rises(entry.generation)

    def rises(self, generation: int) -> None:
        if generation < self.generation:
            self.fault("generation-fell", f"generation {generation} follows {self.generation}")
        self.generation = max(self.generation, generation)

    def quoted(self, size: int, root: str) -> None:
        """Compare a checkpoint that a record quotes with the tree at that size.

        The first that differs is a fault; all later ones must differ then, so they are only counted.
        """
        if size > self.index:
            self.fault("checkpoint-ahead", f"a checkpoint of {size} leaves is quoted before there were so many")
            return
        found = None if self.torn else self.past.root_at(size)
        if found is None:
            self.unread += 1
        elif found.hex() == root:
            self.agreed = size
        else:
            if not self.differing:
                text = f"the checkpoint quoted at {size} leaves is not this ledger's: it was changed between"
                self.fault("checkpoint-differs", f"{text} leaf {self.agreed} and there")
            self.differing += 1

    def compare_kept(self, size: int) -> None:
        for root in self.kept.pop(size, ()):
            if self.past.frontier.root() == root:
                self.kept_held += 1
            else:
                self.fault("kept-differs", f"a checkpoint kept elsewhere says another root at {size} leaves")

    def finish(self) -> None:
        frontier = self.past.frontier
        for first, message in self.bodies.unexcused():
            self.index = first
            self.fault("body-missing", message)
        for index in self.numbers.attempts:
            self.index = index
            self.note("attempt-open", "the attempt has no outcome yet: it is under way, or the process was killed")
        if self.differing > 1:
            self.whole("checkpoint-differs", f"{self.differing - 1} more quoted checkpoints differ after the first")
        for size in sorted(self.kept):
            if size <= frontier.size + self.shift:
                self.whole("kept-unproved", f"a leaf is missing, so the one kept at {size} leaves cannot be compared")
                continue
            text = f"a checkpoint kept elsewhere has {size} leaves, this ledger {frontier.size}: the end was cut off"
            self.whole("kept-ahead", text)
        head = self.head
        if head is not None and (head.size, head.root) != (frontier.size, frontier.root()):
            self.whole("head-differs", f"the head claims {head.size} leaves, or a root, that the leaves do not have")

    def pass_on(self, finding: Finding) -> None:
        self.faults += finding.severity == FAULT
        self.notes += finding.severity == NOTE
        self.found.append(finding)

    def fault(self, code: str, message: str) -> None:
        self.faults += 1
        self.found.append(Finding(self.index, code, message))

    def note(self, code: str, message: str) -> None:
        self.notes += 1
        self.found.append(Finding(self.index, code, message, NOTE))

    def whole(self, code: str, message: str) -> None:
        self.faults += 1
        self.found.append(Finding(None, code, message))

    def drain(self) -> Iterator[Finding]:
        found, self.found = self.found, []
        yield from found

    def report(self) -> Report:
        frontier, numbers = self.past.frontier, self.numbers
        return Report(
            size=frontier.size,
            root=frontier.root().hex(),
            faults=self.faults,
            notes=self.notes,
            bodies=self.bodies.seen,
            body_bytes=self.bodies.seen_bytes,
            pruned=self.bodies.pruned,
            accepted=numbers.accepted,
            receipts=numbers.receipts_checked,
            pending=len(numbers.open),
            kept=self.kept_held,
            not_proved=tuple(self.limits()),
        )

    def limits(self) -> Iterator[str]:
        """Say what the recomputation does not prove, given what the caller brought."""
        numbers = self.numbers
        reach = max((size for size, _ in self.known.kept), default=0)
        yield "that nothing left by another way: the door and your network's own rules stand for that"
        yield (
            f"that leaves after {reach} were always these: whoever holds this host and its key can write them anew; "
            "keep checkpoints elsewhere and give them to this command"
        )
        yield "that the times are right: they are this host's clock"
        yield "what corporate does with what it received"
        if self.head is None:
            yield "that this is the end of the ledger: no head was given, so later leaves may be cut off"
        if numbers.accepted > numbers.receipts_checked:
            count = numbers.accepted - numbers.receipts_checked
            yield f"that {count} receipts are corporate's: no keys were given, or they did not hold"
        if self.bodies.pruned:
            yield f"what {self.bodies.pruned} pruned bodies said: their hashes remain, to compare with copies elsewhere"
        if self.unread:
            yield f"{self.unread} quoted checkpoints: over {BLOCK} leaves before the record, or after a missing leaf"
