"""Verifying a ledger beside bare SHA-256 of the same bytes, at two sizes of entries, and where the time goes.

An entry is a sealed leaf with its body, or with `whole batch` also the attempt and the outcome with its receipt. The
figures are processor time, the best of several rounds in turn, since the machine is shared.
"""

import gc
import hashlib
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import process_time_ns

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit import receipt, record, signed, tree, verification
from benchmarks._timing import Goals, arguments, machine, table

GOALS = {300: 5.0, 4000: 2.0}
BATCHES, ROUNDS = 3_000, 5
BARE = "bare SHA-256"
INSTALLATION, CATALOGUE, INDEX = "ab" * 16, "cd" * 32, "ef" * 32
NOW = datetime(2026, 11, 21, 14, 1, 5, tzinfo=UTC)
AT = record.instant(NOW)


@dataclass
class Ledger:
    """Leaves, bodies by hash, and the tree over the leaves."""

    leaves: list[bytes] = field(default_factory=list)
    bodies: dict[str, bytes] = field(default_factory=dict)
    frontier: tree.Frontier = field(default_factory=tree.Frontier)

    def add(self, entry: record.Record) -> int:
        data = record.encode(entry)
        self.leaves.append(data)
        return self.frontier.append(tree.leaf_hash(data))


def main() -> int:
    """Print the table; exit with 1 when a goal is missed."""
    goals = Goals(arguments(__doc__ or ""))
    batches, rounds = (50, 1) if goals.quick else (BATCHES, ROUNDS)
    key = Ed25519PrivateKey.generate()
    print(machine("cryptography", "msgspec"))
    for size, goal in GOALS.items():
        for whole in (False, True):
            made = _ledger(size, key if whole else None, batches)
            name = f"{'whole batch' if whole else 'sealed leaf'} with a body of {size} bytes"
            found = _best(_works(made, key if whole else None), rounds)
            _print(name, found, batches)
            goals.hold(f"{name}: verify, times bare SHA-256", found["verify"] / found[BARE], goal, at_most=True)
    return goals.end()


def _works(made: Ledger, key: Ed25519PrivateKey | None) -> Mapping[str, Callable[[], object]]:
    works: dict[str, Callable[[], object]] = {
        BARE: lambda: _bare(made),
        "leaf hashes, tree, body hashes": lambda: _hashes(made),
        "and every quoted root": lambda: _roots(made),
        "reading every leaf": lambda: [record.parse(leaf) for leaf in made.leaves],
        "verify": lambda: _verify(made, verification.Known()),
    }
    if key is not None:
        known = verification.Known(receipts=signed.ring(key.public_key()))
        works["verify with receipts' signatures"] = lambda: _verify(made, known)
    return works


def _bare(made: Ledger) -> None:
    sha256 = hashlib.sha256
    for data in made.leaves:
        sha256(data).digest()
    for data in made.bodies.values():
        sha256(data).digest()


def _hashes(made: Ledger) -> None:
    frontier = tree.Frontier()
    for leaf in made.leaves:
        frontier.append(tree.leaf_hash(leaf))
    for data in made.bodies.values():
        hashlib.sha256(data).digest()


def _roots(made: Ledger) -> None:
    frontier = tree.Frontier()
    every = len(made.leaves) // len(made.bodies)
    for number, leaf in enumerate(made.leaves):
        if number % every == 0:
            frontier.root()
        frontier.append(tree.leaf_hash(leaf))
    for data in made.bodies.values():
        hashlib.sha256(data).digest()


def _verify(made: Ledger, known: verification.Known) -> None:
    source = [*enumerate(made.leaves), verification.Head(made.frontier.size, made.frontier.root())]
    report = list(verification.verify(source, made.bodies.__getitem__, known))[-1]
    if not isinstance(report, verification.Report) or not report.holds:
        raise SystemExit("the ledger made for the measurement does not hold")


def _best(works: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Return the seconds of processor time of each, the best of all rounds, taken in turn."""
    best = dict.fromkeys(works, float("inf"))
    for _ in range(rounds):
        for name, work in works.items():
            gc.collect()
            begin = process_time_ns()
            work()
            best[name] = min(best[name], (process_time_ns() - begin) / 1e9)
    return best


def _print(title: str, found: Mapping[str, float], batches: int) -> None:
    bare = found[BARE]
    rows = [(name, f"{value / batches * 1e6:.1f}", f"{value / bare:.2f}") for name, value in found.items()]
    print(table(title, ("work", "µs a batch", "times bare SHA-256"), rows))


def _ledger(size: int, key: Ed25519PrivateKey | None, batches: int) -> Ledger:
    """Return a ledger of batches with bodies of about `size` bytes; with a key each is also sent and received."""
    made = Ledger()
    for sequence in range(1, batches + 1):
        ledger_size, root = made.frontier.size, made.frontier.root().hex()
        body = _body(size, sequence, ledger_size, root)
        sha256 = hashlib.sha256(body).hexdigest()
        made.bodies[sha256] = body
        made.add(
            record.Sealed(
                at=AT, case="event", catalogue=CATALOGUE, generation=1, index=INDEX, ledger_root=root,
                ledger_size=ledger_size, messages=body.count(b"\n") - 1, sequence=sequence, sha256=sha256,
                size_bytes=len(body),
            )
        )  # fmt: skip
        if key is not None:
            _send(made, sequence, body, sha256, (ledger_size, root), key)
    return made


def _body(size: int, sequence: int, ledger_size: int, root: str) -> bytes:
    """Return a header and lines of some 80 bytes; what is in them is not looked at, the smallest has one line."""
    head = {
        "format": "diffgram-home-batch/1", "installation": INSTALLATION, "case": "event", "sequence": sequence,
        "sealed_at": AT, "catalogue": CATALOGUE, "index": INDEX, "ledger_size": ledger_size, "ledger_root": root,
    }  # fmt: skip
    count = max(1, (size - 400) // 80)
    first = msgspec.json.encode(head | {"messages": count}) + b"\n"
    return first + (b"x" * 79 + b"\n") * count


def _send(
    made: Ledger, sequence: int, body: bytes, sha256: str, stood: tuple[int, str], key: Ed25519PrivateKey
) -> None:
    attempt = made.add(
        record.Attempt(
            at=AT, case="event", destination="corporate.example:443", sequence=sequence, sha256=sha256,
            size_bytes=len(body),
        )
    )  # fmt: skip
    count = body.count(b"\n") - 1
    said = receipt.Receipt(
        INSTALLATION, "event", sequence, sha256, *stood, count, NOW, "mtls+signature", void=False, already=None
    )
    made.add(
        record.Outcome(
            at=AT, attempt=attempt, case="event", code=None, outcome="accepted", receipt=receipt.issue(said, key),
            sequence=sequence, sha256=sha256, status=200,
        )
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
