"""Small whole ledgers, made with the real gate, records and receipts, so that each test can spoil one thing."""

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit import gate, receipt, record, signed, tree, verification
from tests.audit import samples

CORPORATE = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"corporate").digest())
KEYS = signed.ring(CORPORATE.public_key())
START = datetime(2026, 11, 21, 14, 0, 0, tzinfo=UTC)
INSTALLATION = samples.header().installation
RULES = samples.rules()
DESTINATION = "127.0.0.1:8091"


@dataclass
class Ledger:
    """A ledger under construction: leaves, bodies by hash, and the tree."""

    leaves: list[bytes] = field(default_factory=list)
    bodies: dict[str, bytes] = field(default_factory=dict)
    frontier: tree.Frontier = field(default_factory=tree.Frontier)
    roots: list[bytes] = field(default_factory=lambda: [tree.EMPTY_ROOT])
    generation: int = 1

    def now(self):
        return START + timedelta(seconds=len(self.leaves))

    def at(self):
        return record.instant(self.now())

    def add(self, entry):
        """Append a record, or the raw bytes of a leaf; return its index."""
        data = entry if isinstance(entry, bytes) else record.encode(entry)
        self.leaves.append(data)
        index = self.frontier.append(tree.leaf_hash(data))
        self.roots.append(self.frontier.root())
        return index

    def header(self, sequence, void=None):
        return gate.Header(
            INSTALLATION, "event", sequence, self.now(), self.frontier.size, self.frontier.root().hex(), void
        )

    def seal(self, sequence, count=2, **changes):
        """Seal a batch and append its leaf; return header and sealed batch. `changes` spoil the leaf."""
        head = self.header(sequence)
        sealed = gate.seal([samples.collected() for _ in range(count)], head, RULES, samples.CODEC)
        entry = record.Sealed(
            at=self.at(),
            case="event",
            catalogue=RULES.catalogue.hash,
            generation=self.generation,
            index=RULES.index.hash,
            ledger_root=head.ledger_root,
            ledger_size=head.ledger_size,
            messages=sealed.taken,
            sequence=sequence,
            sha256=sealed.sha256,
            size_bytes=len(sealed.body),
        )
        self.bodies[sealed.sha256] = sealed.body
        self.add(msgspec.structs.replace(entry, **changes))
        return head, sealed

    def void(self, sequence, replaces, reason="withdrawn", **changes):
        """Void a number and append the leaf; return header and the body without content."""
        head = self.header(sequence, reason)
        sealed = gate.void(head, RULES, samples.CODEC)
        entry = record.Void(
            at=self.at(),
            case="event",
            ledger_root=head.ledger_root,
            ledger_size=head.ledger_size,
            reason=reason,
            replaces=replaces,
            sequence=sequence,
            sha256=sealed.sha256,
            size_bytes=len(sealed.body),
        )
        self.bodies[sealed.sha256] = sealed.body
        self.add(msgspec.structs.replace(entry, **changes))
        return head, sealed

    def attempt(self, head, sealed, **changes):
        """Append an attempt; return its index."""
        entry = record.Attempt(
            at=self.at(),
            case=head.case,
            destination=DESTINATION,
            sequence=head.sequence,
            sha256=sealed.sha256,
            size_bytes=len(sealed.body),
        )
        return self.add(msgspec.structs.replace(entry, **changes))

    def carry(self, head, sealed, **changes):
        """Append an attempt by hand and its unknown outcome; return the attempt's index."""
        entry = record.AttemptByHand(
            at=self.at(),
            case=head.case,
            file="f" * 64,
            sequence=head.sequence,
            sha256=sealed.sha256,
            size_bytes=len(sealed.body),
        )
        index = self.add(msgspec.structs.replace(entry, **changes))
        self.outcome(index, head, sealed, "unknown", code="carried")
        return index

    def answer(self, attempt, head, sealed, outcome="accepted", token=None, **changes):
        """Append corporate's answer to what was carried, as it was brought back."""
        entry = record.OutcomeByHand(
            at=self.at(),
            attempt=attempt,
            case=head.case,
            code=None if outcome == "accepted" else "unknown-catalogue",
            outcome=outcome,
            receipt=(token or self.receipt(head, sealed)) if outcome == "accepted" else None,
            sequence=head.sequence,
            sha256=sealed.sha256,
            status=200 if outcome == "accepted" else 404,
        )
        return self.add(msgspec.structs.replace(entry, **changes))

    def outcome(self, attempt, head, sealed, outcome="accepted", token=None, **changes):
        """Append how an attempt ended, with a receipt when it was accepted."""
        entry = record.Outcome(
            at=self.at(),
            attempt=attempt,
            case=head.case,
            code=None if outcome == "accepted" else "time-out",
            outcome=outcome,
            receipt=(token or self.receipt(head, sealed)) if outcome == "accepted" else None,
            sequence=head.sequence,
            sha256=sealed.sha256,
            status=200 if outcome == "accepted" else None,
        )
        return self.add(msgspec.structs.replace(entry, **changes))

    def receipt(self, head, sealed, key=CORPORATE, **changes):
        """Return corporate's signed receipt for a batch."""
        values = {
            "installation": head.installation,
            "case": head.case,
            "sequence": head.sequence,
            "sha256": sealed.sha256,
            "ledger_size": head.ledger_size,
            "ledger_root": head.ledger_root,
            "messages": sealed.taken,
            "received_at": self.now(),
            "authenticated": "mtls+signature",
            "void": head.void is not None,
            "already": None,
        }
        return receipt.issue(receipt.Receipt(**(values | changes)), key)

    def send(self, sequence, count=2):
        """Seal, attempt and have accepted."""
        head, sealed = self.seal(sequence, count)
        self.outcome(self.attempt(head, sealed), head, sealed)
        return head, sealed

    def mode(self, generation):
        self.generation = generation
        return self.add(
            record.Mode(
                actor="os:0", at=self.at(), case="event", from_="local", generation=generation, kind=None,
                source="file", to="on",
            )
        )  # fmt: skip

    def source(self):
        """Yield leaves and head as a store would."""
        yield from enumerate(self.leaves)
        yield verification.Head(self.frontier.size, self.frontier.root())

    def verify(self, known=None):
        """Return findings and report."""
        known = known or verification.Known(receipts=KEYS)
        *found, report = verification.verify(self.source(), self.bodies.get, known)
        return found, report


def whole():
    """Return a ledger in which all that may happen did: sent, retried, voided early and late, pruned, pending."""
    made = Ledger()
    made.mode(1)
    first = made.send(1)[1]
    head, sealed = made.seal(2)
    made.outcome(made.attempt(head, sealed), head, sealed, "unknown")
    made.outcome(made.attempt(head, sealed), head, sealed, "rejected")
    made.outcome(made.attempt(head, sealed), head, sealed)
    voided_early = made.seal(3)[1]
    head, sealed = made.void(3, voided_early.sha256)
    made.outcome(made.attempt(head, sealed), head, sealed)
    head, voided_late = made.seal(4)
    under_way = made.attempt(head, voided_late)
    void_head, void = made.void(4, voided_late.sha256, "mode")
    made.outcome(under_way, head, voided_late, "unknown")
    answer = made.receipt(void_head, void, void=False, already=voided_late.sha256)
    made.outcome(made.attempt(void_head, void), void_head, void, token=answer)
    del made.bodies[first.sha256]
    made.add(record.Pruned(actor="home", at=made.at(), before=3, bodies=1))
    made.add(record.Checkpoint(at=made.at(), place="file", root=made.frontier.root().hex(), size=made.frontier.size))
    made.seal(5)
    return made
