"""Ledgers of any length for `proof`, made piece by piece, so that what is measured does not share memory with them."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import delete, insert

from audit import receipt, record, tree
from diffgram_home import bodies
from diffgram_home.home import Home
from diffgram_home.models import SENT, Attempt, Batch, Body, Head, Leaf

CATALOGUE, INDEX = "cd" * 32, "ef" * 32
NOW = datetime(2026, 11, 21, 14, 1, 5, tzinfo=UTC)
AT = record.instant(NOW)
DESTINATION = "corporate.example:443"
UNSIGNED = f"{'h' * 120}.{'p' * 560}.{'s' * 86}"
"""As long as a receipt, for a verification that has no keys to look into it."""


@dataclass
class Piece:
    """Some leaves with their positions, and the bodies that they speak of, by hash."""

    leaves: list[tuple[int, bytes]] = field(default_factory=list)
    bodies: dict[str, bytes] = field(default_factory=dict)


@dataclass
class Maker:
    """Makes a ledger of batches with bodies of about `size_bytes`; `whole`: each is also attempted and accepted.

    With a key, receipts are signed with it.
    """

    size_bytes: int
    whole: bool
    installation: str
    key: Ed25519PrivateKey | None = None
    frontier: tree.Frontier = field(default_factory=tree.Frontier)
    sequence: int = 0

    def pieces(self, entries: int, at_once: int) -> Iterator[Piece]:
        """About `entries` leaves, `at_once` at a time."""
        while self.frontier.size < entries:
            piece, ends = Piece(), self.frontier.size + at_once
            while self.frontier.size < ends:
                self._batch(piece)
            yield piece

    def _batch(self, piece: Piece) -> None:
        self.sequence += 1
        stood = self.frontier.size, self.frontier.root().hex()
        body = self._body(*stood)
        sha256, count = hashlib.sha256(body).hexdigest(), body.count(b"\n") - 1
        piece.bodies[sha256] = body
        self._add(
            piece,
            record.Sealed(
                at=AT, case="event", catalogue=CATALOGUE, generation=1, index=INDEX, ledger_root=stood[1],
                ledger_size=stood[0], messages=count, sequence=self.sequence, sha256=sha256, size_bytes=len(body),
            ),
        )  # fmt: skip
        if not self.whole:
            return
        same = {"at": AT, "case": "event", "sequence": self.sequence, "sha256": sha256}
        attempt = self._add(piece, record.Attempt(destination=DESTINATION, size_bytes=len(body), **same))
        token = UNSIGNED if self.key is None else self._receipt(sha256, stood, count, self.key)
        self._add(
            piece, record.Outcome(attempt=attempt, code=None, outcome="accepted", receipt=token, status=200, **same)
        )

    def _add(self, piece: Piece, entry: record.Record) -> int:
        data = record.encode(entry)
        index = self.frontier.append(tree.leaf_hash(data))
        piece.leaves.append((index, data))
        return index

    def _body(self, ledger_size: int, root: str) -> bytes:
        """A header and lines of some 80 bytes; what is in them is not looked at, the smallest has one line."""
        count = max(1, (self.size_bytes - 400) // 80)
        head = {
            "format": "diffgram-home-batch/1", "installation": self.installation, "case": "event",
            "sequence": self.sequence, "sealed_at": AT, "catalogue": CATALOGUE, "index": INDEX,
            "ledger_size": ledger_size, "ledger_root": root, "messages": count,
        }  # fmt: skip
        return msgspec.json.encode(head) + b"\n" + (b"x" * 79 + b"\n") * count

    def _receipt(self, sha256: str, stood: tuple[int, str], count: int, key: Ed25519PrivateKey) -> str:
        said = receipt.Receipt(
            self.installation, "event", self.sequence, sha256, *stood, count, NOW, "mtls+signature",
            void=False, already=None,
        )  # fmt: skip
        return receipt.issue(said, key)


def store(home: Home, piece: Piece) -> None:
    """Put a piece of whole batches into an installation's tables, as if it had happened there."""
    kinds = ("sealed", "attempt", "outcome")
    leaves = [{"position": i, "type": kinds[i % 3], "at": NOW, "data": data} for i, data in piece.leaves]
    first, case = piece.leaves[0][0], {"case": "event", "messages": 45}
    batches, tries = [], []
    for number, (sha256, data) in enumerate(piece.bodies.items(), first // 3 + 1):
        leaf, same = 3 * number - 3, {**case, "sequence": number, "sha256": sha256, "size_bytes": len(data)}
        batches.append(
            {**same, "id": number, "state": SENT, "generation": 1, "sealed_at": NOW, "leaf": leaf, "tries": 1}
        )
        tried = {"batch_id": number, "at": NOW, "destination": DESTINATION, "leaf": leaf + 1}
        tries.append({**same, **tried, "outcome": "accepted", "receipt": UNSIGNED, "outcome_leaf": leaf + 2})
    with home.store.write() as session:
        session.execute(insert(Leaf.__table__), leaves)
        packed = [bodies.row(sha256, data, NOW) for sha256, data in piece.bodies.items()]
        session.execute(insert(Body.__table__), packed)
        session.execute(insert(Batch.__table__), batches)
        session.execute(insert(Attempt.__table__), tries)


def end(home: Home, maker: Maker) -> None:
    """Put the head of the ledger behind what was stored."""
    row = {"id": 1, "size": maker.frontier.size, "frontier": maker.frontier.to_bytes()}
    with home.store.write() as session:
        session.execute(delete(Head.__table__))
        session.execute(insert(Head.__table__), [row])
