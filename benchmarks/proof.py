"""Verifying a ledger beside bare SHA-256 of the same bytes, and where the time goes; then as the command does it.

An entry is a sealed leaf with its body; with `whole batch` the attempt and the outcome with its receipt are entries of
their own. Each ledger of ENTRIES is made and measured piece by piece: bare hashing, its parts, and the verification in
turn over the same piece, so that a slow spell of the machine hits all alike. Figures are processor time of one core;
ratios are medians over the pieces. The command is measured from outside, as a process, over a ledger in SQLite.
"""

import hashlib
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter, process_time_ns

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit import signed, tree, verification
from benchmarks._ledgers import Maker, Piece, end, store
from benchmarks._timing import Goals, arguments, machine, table
from diffgram_home import settings
from diffgram_home.home import make_home, open_home

GOALS = {300: 5.0, 4000: 2.0}
ENTRIES, PIECE = 1_000_000, 5_000
SEALED = 90_000
"""More batches than 100,000 that nobody ever sent are a fault by themselves."""
WITH_KEYS = 9_000
STORED_FEW, STORED_MANY = 20_000, 2_000_000
MOST_MEMORY = 1.1
BARE, PARTS, ROOTS, VERIFY = "bare SHA-256", "leaf hashes, tree, body hashes", "and every quoted root", "verify"
INSTALLATION = "ab" * 16
Times = dict[str, list[float]]


class Measured:
    """One ledger, piece by piece: nanoseconds of each work over each piece."""

    def __init__(self, maker: Maker, entries: int, known: verification.Known) -> None:
        self.times: Times = {BARE: [], PARTS: [], ROOTS: [], VERIFY: []}
        self._maker, self._entries = maker, entries
        self._piece = Piece()
        self._frontiers = tree.Frontier(), tree.Frontier()
        found = list(verification.verify(self._source(), lambda sha256: self._piece.bodies[sha256], known))
        if len(found) != 1 or not isinstance(found[-1], verification.Report) or not found[-1].holds:
            raise SystemExit(f"the ledger made for the measurement does not hold: {found[:3]}")

    def _source(self) -> Iterator[verification.Item]:
        for piece in self._maker.pieces(self._entries, min(PIECE, self._entries)):
            self._piece = piece
            for name, work in ((BARE, self._bare), (PARTS, self._parts), (ROOTS, self._roots)):
                self.times[name].append(_ns(work))
            begin = process_time_ns()
            yield from piece.leaves
            self.times[VERIFY].append(process_time_ns() - begin)
        yield verification.Head(self._maker.frontier.size, self._maker.frontier.root())

    def _bare(self) -> None:
        sha256 = hashlib.sha256
        for _, data in self._piece.leaves:
            sha256(data).digest()
        for data in self._piece.bodies.values():
            sha256(data).digest()

    def _parts(self) -> None:
        frontier = self._frontiers[0]
        for _, data in self._piece.leaves:
            frontier.append(tree.leaf_hash(data))
        for data in self._piece.bodies.values():
            hashlib.sha256(data).digest()

    def _roots(self) -> None:
        frontier, every = self._frontiers[1], 3 if self._maker.whole else 1
        for index, data in self._piece.leaves:
            if index % every == 0:
                frontier.root()
            frontier.append(tree.leaf_hash(data))
        for data in self._piece.bodies.values():
            hashlib.sha256(data).digest()

    def ratio(self, name: str) -> float:
        """How many times bare hashing: the median of all pieces."""
        return statistics.median(mine / bare for mine, bare in zip(self.times[name], self.times[BARE], strict=True))


def main() -> int:
    """Print the tables; exit with 1 when a goal is missed."""
    goals = Goals(arguments(__doc__ or ""))
    entries, few, many = (300, 150, 300) if goals.quick else (ENTRIES, STORED_FEW, STORED_MANY)
    print(machine("cryptography", "msgspec", "sqlalchemy"))
    for size, goal in GOALS.items():
        for whole in (False, True):
            name = f"{'whole batch' if whole else 'sealed leaf'} with a body of {size} bytes"
            length = entries if whole else min(entries, SEALED)
            found = Measured(Maker(size, whole, INSTALLATION), length, verification.Known())
            _print(f"{length:,} entries: {name}", found, length)
            goals.hold(f"{name}: verify, times bare SHA-256", found.ratio(VERIFY), goal, at_most=True)
    key = Ed25519PrivateKey.generate()
    known = verification.Known(receipts=signed.ring(key.public_key()))
    keyed = min(entries, WITH_KEYS)
    found = Measured(Maker(4000, True, INSTALLATION, key), keyed, known)
    _print(f"{keyed:,} entries: whole batch with a body of 4000 bytes, signatures of receipts checked", found, keyed)
    _command(few, many, goals)
    return goals.end()


def _print(title: str, found: Measured, entries: int) -> None:
    rows = [(name, f"{sum(found.times[name]) / entries / 1e3:.2f}", f"{found.ratio(name):.2f}") for name in found.times]
    print(table(title, ("work", "µs an entry", "times bare SHA-256"), rows))


def _command(few: int, many: int, goals: Goals) -> None:
    """`diffgram-home verify` as a process over two stores, one a hundred times as long as the other."""
    rows, peaks = [], []
    for entries in (few, many):
        with tempfile.TemporaryDirectory() as folder:
            bare = _fill(Path(folder), entries)
            cpu, wall, peak = _verified(Path(folder))
        peaks.append(peak)
        rate = f"{entries / wall:,.0f}"
        rows.append((f"{entries:,}", f"{wall:.1f}", f"{cpu:.1f}", f"{cpu / bare:.2f}", rate, f"{peak / 2**20:.0f}"))
    head = ("entries", "seconds", "of a core", "times bare SHA-256", "entries/s", "peak memory, MiB")
    print(table("diffgram-home verify, whole batches with bodies of 4000 bytes in SQLite", head, rows))
    said = f"peak memory with {many:,} entries, times that with {few:,}"
    goals.hold(said, peaks[1] / peaks[0], MOST_MEMORY, at_most=True)


def _fill(folder: Path, entries: int) -> float:
    """An installation with a ledger of `entries`; returns the seconds of bare hashing of it."""
    path = folder / "diffgram-home.toml"
    path.write_text(f'name = "bench"\n[corporate]\nurl = "https://127.0.0.1:9"\nroot = "sha256:{"0" * 64}"\n')
    chosen = settings.read(path, {})
    make_home(chosen)
    home = open_home(chosen)
    maker, bare = Maker(4000, True, home.installation), 0
    try:
        for piece in maker.pieces(entries, min(PIECE, entries)):
            bare += _ns(lambda piece=piece: _hash_all(piece))
            store(home, piece)
        end(home, maker)
    finally:
        home.close()
    return bare / 1e9


def _hash_all(piece: Piece) -> None:
    for _, data in piece.leaves:
        hashlib.sha256(data).digest()
    for data in piece.bodies.values():
        hashlib.sha256(data).digest()


def _verified(folder: Path) -> tuple[float, float, int]:
    """Processor seconds, seconds, and peak memory in bytes of the command."""
    command = [sys.executable, "-m", "diffgram_home.cli", "--config", str(folder / "diffgram-home.toml"), "verify"]
    begin = perf_counter()
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(running.pid, 0)
    running.returncode = os.waitstatus_to_exitcode(status)
    if running.returncode:
        raise SystemExit(f"verify ended with {running.returncode}")
    return used.ru_utime + used.ru_stime, perf_counter() - begin, used.ru_maxrss * 1024


def _ns(work: Callable[[], object]) -> int:
    begin = process_time_ns()
    work()
    return process_time_ns() - begin


if __name__ == "__main__":
    sys.exit(main())
