"""Judges one leaf after the other, for `verification`: what it says, and whether it fits all that stood before it.

The judge keeps what later leaves are judged by, in bounded memory, and gathers findings; reading, hashing and numbers
have modules of their own. Rules: whatever is found, it goes on; a leaf is judged once, by comparing or by reading.
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from audit import receipt, record
from audit._approving import Approving
from audit._bodies import Bodies
from audit._findings import FAULT, NOTE, Finding, Head, Known, Report
from audit._foreseen import Foreseen
from audit._limits import limits
from audit._mails import Mails
from audit._numbers import Numbers
from audit._past import Past
from audit._requests import Requests
from audit.errors import RecordRefused, SignatureRefused

_sha256 = hashlib.sha256
_BEGIN, _ENDS = 7, 27
"""The time of a leaf stands behind `{"at":"`, in 20 characters."""
_UNAPPROVED = "approval-missing"
_NOTHING = b"\0" * _ENDS
"""What no leaf begins with."""


@dataclass(slots=True)
class Judge:
    bodies: Bodies
    known: Known
    head: Head | None = None
    past: Past = field(default_factory=Past)
    found: list[Finding] = field(default_factory=list)
    index: int = 0
    faults: int = 0
    notes: int = 0
    at: str = ""
    begins: bytes = b""
    generation: int = 0
    shift: int = 0
    torn: bool = False
    agreed: int = 0
    differing: int = 0
    unread: int = 0
    kept_held: int = 0
    kept: dict[int, list[bytes]] = field(default_factory=dict)
    numbers: Numbers = field(init=False)
    requests: Requests = field(init=False)
    mails: Mails = field(default_factory=Mails)
    approving: Approving = field(default_factory=Approving)
    foreseen: Foreseen = field(init=False)
    steps: dict[type[record.Record], Callable[[Any], None]] = field(init=False)

    def __post_init__(self) -> None:
        keys = self.known.receipts
        self.numbers = Numbers(
            self.known.installation or "", None if keys is None else partial(receipt.read, keys=keys)
        )
        self.requests = Requests(self.bodies, self.known.documents)
        self.foreseen = Foreseen(self.past, self.bodies, self.numbers, self.approving, self.fault)
        self.steps = {
            record.Sealed: self.sealed,
            record.Void: self.voided,
            record.Attempt: self.attempted,
            record.AttemptByHand: self.attempted,
            record.Outcome: self.ended,
            record.OutcomeByHand: lambda entry: self.numbers.answered(entry, self.fault),
            record.Request: lambda entry: self.requests.asked(self.index, entry, self.fault),
            record.RequestByHand: lambda entry: self.requests.asked(self.index, entry, self.fault),
            record.Answer: lambda entry: self.requests.answered(entry, self.fault),
            record.AnswerByHand: lambda entry: self.requests.answered_by_hand(entry, self.fault),
            record.Deletion: self.stated,
            record.Mail: lambda entry: self.mails.sent(self.index, entry, self.fault),
            record.Mailed: lambda entry: self.mails.ended(entry, self.fault),
            record.Mode: self.moved,
            record.ApprovalRule: self.approving.ruled,
            record.BatchDecision: self.approving.decided,
            record.Person: self.approving.person,
            record.Checkpoint: lambda entry: self.quoted(entry.size, entry.root),
            record.Pruned: lambda entry: self.bodies.sweep(self.index, entry, self.fault),
        }
        self.stand_at("")
        for size, root in self.known.kept:
            self.kept.setdefault(size, []).append(root)
        self.compare_kept(0)

    def take(self, index: int, data: bytes, leaf: bytes | None = None) -> None:
        """Judge the next leaf; `leaf` is its hash where the caller has made it of these very bytes."""
        self.index, past = index, self.past
        size, end = past.frontier.size, data[-5:]
        usual = self.foreseen.by_end.get(end)
        if (
            usual is None
            or index != size
            or self.torn
            or (not data.startswith(self.begins) and not self.is_later(data))
            or not usual(index, data, self.begins)
        ):
            self.read(index, data)
        elif end == b'led"}':
            self.agreed = size
        past.append(leaf or _sha256(b"\x00" + data).digest())
        if self.kept and not self.torn:
            self.compare_kept(size + 1)

    def stand_at(self, at: str) -> None:
        """Take the time of the last leaf."""
        self.at, self.begins = at, b'{"at":"' + at.encode() if at else _NOTHING

    def is_later(self, data: bytes) -> bool:
        """Whether the leaf begins with a time that is not before the last one, which it then becomes."""
        at = data[_BEGIN:_ENDS].decode("latin-1")
        if not data.startswith(b'{"at":"') or at < self.at or not record.is_instant(at):
            return False
        self.stand_at(at)
        return True

    def read(self, index: int, data: bytes) -> None:
        size = self.past.frontier.size
        if index - size != self.shift:
            self.fault("leaf-missing", f"leaf {size + self.shift} should stand here")
            self.shift, self.torn = index - size, True
        try:
            entry = record.parse(data)
        except RecordRefused as no:
            self.fault(no.code, str(no))
            self.bodies.drop()
            return
        if entry.at < self.at:
            self.note("clock-back", f"the clock went back from {self.at} to {entry.at}")
        self.stand_at(entry.at)
        step = self.steps.get(type(entry))
        if step is not None:
            step(entry)

    def attempted(self, entry: record.Attempt | record.AttemptByHand) -> None:
        self.numbers.attempted(self.index, entry, self.fault)
        batch = self.numbers.open.get((entry.case, entry.sequence))
        lacks = self.approving.lacks(entry) if batch is not None and batch.replaced is None else None
        if isinstance(entry, record.Attempt):
            self.foreseen.learn_attempt(entry)
            self.approving.began(self.index, lacks)
        elif lacks:
            self.fault(_UNAPPROVED, lacks)

    def ended(self, entry: record.Outcome) -> None:
        self.numbers.ended(entry, self.fault)
        lacks = self.approving.lacking.pop(entry.attempt, None)
        if lacks and entry.outcome == "accepted":
            self.fault(_UNAPPROVED, lacks)

    def sealed(self, entry: record.Sealed) -> None:
        self.rises(entry.generation)
        self.opened(entry)
        self.numbers.sealed(entry, self.fault)
        self.foreseen.learn_sealed(entry)

    def voided(self, entry: record.Void) -> None:
        self.opened(entry)
        self.numbers.voided(entry, self.fault)

    def opened(self, entry: record.Sealed | record.Void) -> None:
        head = self.bodies.open(self.index, entry, self.fault)
        if head is not None:
            numbers = self.numbers
            numbers.installation = numbers.installation or head.installation
            if head.installation != numbers.installation:
                self.fault("body-differs", "the body's header names another installation")
        self.quoted(entry.ledger_size, entry.ledger_root)

    def stated(self, entry: record.Deletion) -> None:
        if self.known.statement is None:
            return
        try:
            self.known.statement(entry.document)
        except SignatureRefused as no:
            self.fault("document-refused", f"corporate's statement does not hold: {no} [{no.code}]")

    def moved(self, entry: record.Mode) -> None:
        self.rises(entry.generation)

    def rises(self, generation: int) -> None:
        if generation < self.generation:
            self.fault("generation-fell", f"generation {generation} follows {self.generation}")
        if generation != self.generation:
            self.foreseen.forget()
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
                text = "a fork: a record before was changed, or two ledgers are written under one key"
                self.fault("kept-differs", f"a checkpoint kept elsewhere has another root at {size} leaves; {text}")

    def finish(self) -> None:
        frontier = self.past.frontier
        for first, message in self.bodies.unexcused():
            self.index = first
            self.fault("body-missing", message)
        for index in self.numbers.attempts:
            self.index = index
            self.note("attempt-open", "the attempt has no outcome yet: it is under way, or the process was killed")
        for index in self.requests.open:
            self.index = index
            self.note("request-open", "the request has no answer yet: it is under way, or the process was killed")
        for index in self.mails.open:
            self.index = index
            self.note("mail-open", "the letter has no outcome yet: it is under way, or the process was killed")
        if self.differing > 1:
            self.whole("checkpoint-differs", f"{self.differing - 1} more quoted checkpoints differ after the first")
        for size in sorted(self.kept):
            if size <= frontier.size + self.shift:
                self.whole("kept-unproved", f"a leaf is missing, so the one kept at {size} leaves cannot be compared")
                continue
            text = f"a checkpoint kept elsewhere has {size} leaves, this ledger {frontier.size}"
            self.whole("kept-ahead", f"{text}; truncated: the end was cut off, or an older backup restored")
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
            not_proved=tuple(limits(self.known, self.head, self.numbers, self.bodies, self.unread, self.past.block)),
        )
