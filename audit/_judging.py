"""Judges one leaf after the other, for `verification`: what it says, and whether it fits all that stood before it.

The judge keeps what later leaves are judged by, in bounded memory, and gathers findings; reading, hashing and numbers
have modules of their own. Rules: whatever is found, it goes on; a leaf is judged once, by comparing or by reading.
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from audit import receipt
from audit._bodies import Bodies
from audit._findings import FAULT, NOTE, Finding, Head, Known, Report
from audit._foreseen import Foreseen
from audit._mails import Mails
from audit._numbers import Numbers
from audit._past import Past
from audit._requests import Requests
from audit.errors import RecordRefused, SignatureRefused
from audit.record import (
    Answer,
    AnswerByHand,
    Attempt,
    AttemptByHand,
    Checkpoint,
    Deletion,
    Mail,
    Mailed,
    Mode,
    Outcome,
    OutcomeByHand,
    Pruned,
    Record,
    Request,
    RequestByHand,
    Sealed,
    Void,
    is_instant,
    parse,
)

_sha256 = hashlib.sha256


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
    foreseen: Foreseen = field(init=False)
    steps: dict[type[Record], Callable[[Any], None]] = field(init=False)

    def __post_init__(self) -> None:
        keys = self.known.receipts
        self.numbers = Numbers(
            self.known.installation or "", None if keys is None else partial(receipt.read, keys=keys)
        )
        self.requests = Requests(self.bodies, self.known.documents)
        self.foreseen = Foreseen(self.past, self.bodies, self.numbers, self.fault)
        self.steps = {
            Sealed: self.sealed,
            Void: self.voided,
            Attempt: self.attempted,
            AttemptByHand: lambda entry: self.numbers.attempted(self.index, entry, self.fault),
            Outcome: lambda entry: self.numbers.ended(entry, self.fault),
            OutcomeByHand: lambda entry: self.numbers.answered(entry, self.fault),
            Request: lambda entry: self.requests.asked(self.index, entry, self.fault),
            RequestByHand: lambda entry: self.requests.asked(self.index, entry, self.fault),
            Answer: lambda entry: self.requests.answered(entry, self.fault),
            AnswerByHand: lambda entry: self.requests.answered_by_hand(entry, self.fault),
            Deletion: self.stated,
            Mail: lambda entry: self.mails.sent(self.index, entry, self.fault),
            Mailed: lambda entry: self.mails.ended(entry, self.fault),
            Mode: self.moved,
            Checkpoint: lambda entry: self.quoted(entry.size, entry.root),
            Pruned: lambda entry: self.bodies.sweep(self.index, entry, self.fault),
        }
        for size, root in self.known.kept:
            self.kept.setdefault(size, []).append(root)
        self.compare_kept(0)

    def take(self, index: int, data: bytes, leaf: bytes | None = None) -> None:
        """Judge the next leaf; `leaf` is its hash where the caller has made it of these very bytes."""
        self.index = index
        size = self.past.frontier.size
        usual = self.foreseen.by_end.get(data[-5:])
        if usual is None or index != size or self.torn or not self.is_later(data) or not usual(index, data, self.at):
            self.read(index, data)
        elif data[-5:] == b'led"}':
            self.agreed = size
        self.past.append(leaf or _sha256(b"\x00" + data).digest())
        if self.kept and not self.torn:
            self.compare_kept(size + 1)

    def is_later(self, data: bytes) -> bool:
        """Whether the leaf begins with a time that is not before the last one, which it then becomes."""
        at = data[7:27].decode("latin-1")
        if not data.startswith(b'{"at":"'):
            return False
        if at == self.at:
            return True
        if at < self.at or not is_instant(at):
            return False
        self.at = at
        return True

    def read(self, index: int, data: bytes) -> None:
        size = self.past.frontier.size
        if index - size != self.shift:
            self.fault("leaf-missing", f"leaf {size + self.shift} should stand here")
            self.shift, self.torn = index - size, True
        try:
            entry = parse(data)
        except RecordRefused as no:
            self.fault(no.code, str(no))
            self.bodies.drop()
            return
        if entry.at < self.at:
            self.note("clock-back", f"the clock went back from {self.at} to {entry.at}")
        self.at = entry.at
        step = self.steps.get(type(entry))
        if step is not None:
            step(entry)

    def attempted(self, entry: Attempt) -> None:
        self.numbers.attempted(self.index, entry, self.fault)
        self.foreseen.learn_attempt(entry)

    def sealed(self, entry: Sealed) -> None:
        self.rises(entry.generation)
        self.opened(entry)
        self.numbers.sealed(entry, self.fault)
        self.foreseen.learn_sealed(entry)

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

    def stated(self, entry: Deletion) -> None:
        if self.known.statement is None:
            return
        try:
            self.known.statement(entry.document)
        except SignatureRefused as no:
            self.fault("document-refused", f"corporate's statement does not hold: {no} [{no.code}]")

    def moved(self, entry: Mode) -> None:
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
        if not reach:
            yield "anything without trust in this host: no checkpoint kept elsewhere was given, all rests on it alone"
        if numbers.vouched > reach:
            yield f"leaves {reach} to {numbers.vouched} without corporate: its receipts, and nothing else, fix them"
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
            far = f"over {self.past.block} leaves before the record"
            yield f"{self.unread} quoted checkpoints: {far}, or after a missing leaf"
