"""Verifying a ledger beside bare SHA-256 of the same bytes, and where the time goes; then as the command does it.

An entry is a sealed leaf with its body; with `whole batch` the attempt and the outcome with its receipt are entries of
their own. Bare SHA-256 is one `hashlib.sha256(entry).digest()` an entry, of leaf and body in one piece of memory.

First by the clock, as `diffgram-home verify` does it: a ledger in a file, judged by as many processes as there are
cores, in turn with bare hashing on one core, bare hashing on as many, and the verification by one process; ratios are
medians of ROUNDS. These are what the goals are held against. Then where the time goes: each ledger is made and measured
piece by piece, figures are processor time of one core, ratios medians over the pieces. At last the command, measured
from outside, as a process, over a ledger in SQLite.
"""

import gc
import hashlib
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path
from time import perf_counter, process_time_ns

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit import ranges, signed, tree, verification
from benchmarks._files import Filed
from benchmarks._ledgers import Maker, Piece, end, store
from benchmarks._timing import Goals, arguments, machine, table
from diffgram_home import settings
from diffgram_home.home import make_home, open_home

GOALS = {300: 5.0, 4000: 2.0}
FULL = 10_300
"""Bytes of a body that make an entry of a whole batch 4 kB long in the mean; only the sealed leaf has a body."""
ENTRIES, PIECE = 1_000_000, 5_000
ROUNDS = 5
PARTS_OF = 90_000
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
        self._entries_of: list[bytes] = []
        self._frontiers = tree.Frontier(), tree.Frontier()
        _held(list(verification.verify(self._source(), lambda sha256: self._piece.bodies[sha256], known)))

    def _source(self) -> Iterator[verification.Item]:
        for piece in self._maker.pieces(self._entries, min(PIECE, self._entries)):
            self._piece, self._entries_of = piece, _joined(piece)
            for name, work in ((BARE, self._bare), (PARTS, self._parts), (ROOTS, self._roots)):
                self.times[name].append(_ns(work))
            begin = process_time_ns()
            yield from piece.leaves
            self.times[VERIFY].append(process_time_ns() - begin)
        yield verification.Head(self._maker.frontier.size, self._maker.frontier.root())

    def _bare(self) -> None:
        _hash_all(self._entries_of)

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
    scenes = [(size, goal, whole) for size, goal in GOALS.items() for whole in (False, True)]
    for size, goal, whole in [*scenes, (FULL, GOALS[4000], True)]:
        name, length = _named(size, whole), entries if whole else min(entries, SEALED)
        _by_the_clock(name, Filed(Maker(size, whole, INSTALLATION), length), goal, goals)
    for size, _, whole in scenes:
        length = min(entries, PARTS_OF)
        found = Measured(Maker(size, whole, INSTALLATION), length, verification.Known())
        _print(f"{length:,} entries: {_named(size, whole)}", found, length)
    key = Ed25519PrivateKey.generate()
    known = verification.Known(receipts=signed.ring(key.public_key()))
    keyed = min(entries, WITH_KEYS)
    found = Measured(Maker(4000, True, INSTALLATION, key), keyed, known)
    _print(f"{keyed:,} entries: whole batch with a body of 4000 bytes, signatures of receipts checked", found, keyed)
    _command(few, many, goals)
    return goals.end()


def _named(size: int, whole: bool) -> str:
    return f"{'whole batch' if whole else 'sealed leaf'} with a body of {size} bytes"


def _by_the_clock(name: str, ledger: Filed, goal: float, goals: Goals) -> None:
    """Seconds of each way over the same ledger, in turn."""
    cores = len(os.sched_getaffinity(0))
    ways: dict[str, Callable[[], float]] = {
        BARE: lambda: _bare_s(ledger, 0, ledger.head.size),
        f"{BARE} on {cores} cores": lambda: _bare_on(ledger, cores),
        "verify by one process": lambda: _seconds(lambda: _one(ledger)),
        f"verify by {cores}": lambda: _seconds(lambda: _several(ledger, cores)),
    }
    gc.collect()
    gc.freeze()  # else each process would copy what the collector only looks at
    rounds = [{way: measure() for way, measure in ways.items()} for _ in range(1 if goals.quick else ROUNDS)]
    gc.unfreeze()
    of_one, of_all = (statistics.median(r[f"verify by {cores}"] / r[bare] for r in rounds) for bare in list(ways)[:2])
    rows = []
    for way in ways:
        middle = statistics.median(r[way] for r in rounds)
        ratio = statistics.median(r[way] / r[BARE] for r in rounds)
        rows.append((way, f"{middle / ledger.head.size * 1e6:.2f}", f"{ratio:.2f}"))
    mean = len(ledger.bytes) / ledger.head.size
    title = f"{ledger.head.size:,} entries of {mean:,.0f} bytes, by the clock: {name}"
    print(table(title, ("work", "µs an entry", "times bare"), rows))
    print(f"Times bare SHA-256 on {cores} cores: {of_all:.2f}.\n")
    goals.hold(f"{name}: verify by {cores} processes, times bare SHA-256 on one core", of_one, goal, at_most=True)


def _bare_s(ledger: Filed, first: int, last: int) -> float:
    """Seconds of bare hashing; taking the entries out of the file is not counted."""
    spent = 0.0
    for begin in range(first, last, PIECE):
        entries = list(ledger.entries(begin, min(begin + PIECE, last)))
        spent += _seconds(lambda entries=entries: _hash_all(entries))
    return spent


def _bare_on(ledger: Filed, cores: int) -> float:
    """The longest that one of `cores` processes needs for its share."""
    share, files = -(-ledger.head.size // cores), []
    for number in range(cores):
        reading, writing = os.pipe()
        if not os.fork():
            try:
                spent = _bare_s(ledger, number * share, min((number + 1) * share, ledger.head.size))
                os.write(writing, str(spent).encode())
            finally:
                os._exit(0)
        os.close(writing)
        files.append(os.fdopen(reading))
    spent = max(float(file.read()) for file in files)
    for file in files:
        file.close()
        os.wait()
    return spent


def _one(ledger: Filed) -> None:
    source = chain(ledger.leaves(0, None), [ledger.head])
    _held(list(verification.verify(source, ledger.body, ledger.known)))


def _several(ledger: Filed, cores: int) -> None:
    with ranges.Crew(ledger, cores) as crew:
        crew.begin()
        _held(list(crew.verify(ledger.head)))


def _held(found: list[verification.Finding | verification.Report]) -> None:
    if len(found) != 1 or not isinstance(found[0], verification.Report) or not found[0].holds:
        raise SystemExit(f"the ledger made for the measurement does not hold: {found[:3]}")


def _seconds(work: Callable[[], object]) -> float:
    begin = perf_counter()
    work()
    return perf_counter() - begin


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
            entries_of = _joined(piece)
            bare += _ns(lambda entries_of=entries_of: _hash_all(entries_of))
            store(home, piece)
        end(home, maker)
    finally:
        home.close()
    return bare / 1e9


def _joined(piece: Piece) -> list[bytes]:
    """Each entry in one piece: its leaf, and the body that it speaks of."""
    every, bodies = len(piece.leaves) // len(piece.bodies), iter(piece.bodies.values())
    return [data + (next(bodies) if index % every == 0 else b"") for index, (_, data) in enumerate(piece.leaves)]


def _hash_all(entries: Iterable[bytes]) -> None:
    sha256 = hashlib.sha256
    for entry in entries:
        sha256(entry).digest()


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
