"""What an event costs the installation: spool → intake → gate → ledger → door, with everything real.

A product process spools; the installation, in this process, takes, seals, records and sends to the real corporate,
which runs in processes of its own. What counts is the processor time of this process. Beside it, in every round:
decoding the same lines with msgspec, and SHA-256 over the same bodies.

The history: the same rounds again after many batches have been sent. Cost must not have grown.
"""

import gc
import hashlib
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, process_time

import msgspec
from sqlalchemy import func, select

from benchmarks._messages import ANNOTATOR
from benchmarks._timing import Goals, Row, arguments, machine, number, table
from diffgram_home import bodies, intake, ledger, sealing
from diffgram_home.models import Attempt, Batch, Body, Leaf
from tests.corporate import running as corporates
from tests.door.places import Place, found

# Set as 100,000 events/s of a core where msgspec decoded 1,500,000; what is held is the ratio, on any machine.
GOAL_TIMES_DECODING, GOAL_WIRE_BYTES, GOAL_GROWTH = 1_500_000 / 100_000, 20, 1.2
LIMITS = "\n[limits]\nrequests_per_s = 100000\nburst = 100000\n"
STAGES = ("intake", "sealing", "sending", "checkpoint")
BATCH = 1_000


@dataclass(frozen=True, slots=True)
class Round:
    """Microseconds of processor time an event, by stage; the same for decoding and hashing; events a second."""

    stages: dict[str, float]
    decoding: float
    hashing: float
    per_s: float

    @property
    def all(self) -> float:
        """All stages."""
        return sum(self.stages.values())


def main() -> int:
    """Print the tables; exit with 1 when a goal is missed."""
    goals = Goals(arguments(__doc__ or ""))
    rounds, batches, history = (2, 1, 3) if goals.quick else (7, 20, 2_000)
    print(machine("msgspec", "sqlalchemy", "zstandard", "cryptography"))
    with tempfile.TemporaryDirectory() as name, _corporate(Path(name)) as server:
        place = found(Path(name) / "home", server.wire, server.root, timeout_s=20)
        place.enrol(server.token())
        _round(place, batches, 1)
        early = [_round(place, batches, 10 + n) for n in range(rounds)]
        _lengthen(place, history)
        late = [_round(place, batches, 100 + n) for n in range(rounds)]
        behind = _sent(place)
        on_the_wire = _wire(place, server, batches)
        packed = _packed(place)
        place.home.close()
    _print(early + late)
    times = statistics.median(one.all / one.decoding for one in early + late)
    goals.hold("all stages, times decoding", times, GOAL_TIMES_DECODING, at_most=True)
    growth = _relative(late) / _relative(early)
    print(_history(early, late, behind, history))
    goals.hold("cost with the history behind it, times the cost without", growth, GOAL_GROWTH, at_most=True)
    print(_bytes(packed, on_the_wire))
    goals.hold("bytes on the wire an event, everything", on_the_wire, GOAL_WIRE_BYTES, at_most=True)
    return goals.end()


@contextmanager
def _corporate(folder: Path) -> Iterator[corporates.Server]:
    (folder / "corporate").mkdir()
    config, root = corporates.found(folder / "corporate", "", LIMITS)
    with corporates.running(config, root) as server:
        files = ["--catalogue", str(ANNOTATOR / "outbound_fields.toml"), "--index", str(ANNOTATOR / "index.json")]
        server.command("release", "add", *files)
        yield server


def _spool(place: Place, count: int, seed: int) -> None:
    folder = str(place.home.settings.spool.folder)
    subprocess.run([sys.executable, "-m", "benchmarks._messages", folder, str(count), str(seed)], check=True)


def _round(place: Place, batches: int, seed: int) -> Round:
    """One round: `batches` full batches from the spool to corporate's receipt."""
    home, events = place.home, batches * BATCH
    _spool(place, events, seed)
    gc.collect()
    work = (
        lambda: intake.take(home, place.now()).messages["event"],
        lambda: sum(made.messages for made in sealing.seal_waiting(home, place.now())),
        lambda: sum(BATCH for sent in place.send() if sent.outcome == "accepted"),
        lambda: ledger.sign_checkpoint(home, place.now()) and events,
    )
    stages, begin = {}, perf_counter()
    for name, stage in zip(STAGES, work, strict=True):
        before = process_time()
        done = stage()
        stages[name] = (process_time() - before) / events * 1e6
        if done != events:
            raise SystemExit(f"{name}: {done} of {events} events went through")
    wall_s = perf_counter() - begin
    decoding, hashing = _beside(_newest(place, batches))
    return Round(stages, decoding / events * 1e6, hashing / events * 1e6, events / wall_s)


def _newest(place: Place, count: int) -> list[bytes]:
    with place.home.store.read() as session:
        names = list(session.scalars(select(Batch.sha256).order_by(Batch.id.desc()).limit(count)))
        return [bodies.get(session, name) or b"" for name in names]


def _beside(exact: list[bytes]) -> tuple[float, float]:
    """Processor seconds of decoding every line of the bodies, and of hashing them."""
    decode = msgspec.json.Decoder().decode
    lines = [line for body in exact for line in body.splitlines()]
    begin = process_time()
    for line in lines:
        decode(line)
    middle = process_time()
    for body in exact:
        hashlib.sha256(body).hexdigest()
    return middle - begin, process_time() - middle


def _lengthen(place: Place, count: int) -> None:
    """Put `count` small batches into the history."""
    original = place.config.read_text()
    small = original.replace(f"batch_messages = {BATCH}", "batch_messages = 5")
    if small == original:
        raise SystemExit("the settings have no batch_messages to change")
    place.config.write_text(small)
    place.move(place.home.settings.corporate.url)
    _spool(place, count * 5, 50)
    intake.take(place.home, place.now())
    if len(sealing.seal_waiting(place.home, place.now())) != count:
        raise SystemExit("the history was not sealed as small batches")
    done = 0
    while done < count:
        sent = place.send()
        done += len(sent)
        if not sent or {one.outcome for one in sent} != {"accepted"}:
            raise SystemExit(f"the history was not sent: {sent[-1:]}")
    place.config.write_text(original)
    place.move(place.home.settings.corporate.url)


def _sent(place: Place) -> tuple[int, int]:
    """Accepted attempts, and leaves of the ledger."""
    with place.home.store.read() as session:
        accepted = select(func.count()).select_from(Attempt).where(Attempt.outcome == "accepted")
        return session.scalar(accepted) or 0, session.scalar(select(func.count()).select_from(Leaf)) or 0


def _wire(place: Place, server: corporates.Server, batches: int) -> float:
    """Bytes an event in both directions of full batches, TLS handshakes and receipts included."""
    command = [sys.executable, "-m", "benchmarks._relay", str(server.wire_port)]
    relay = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert relay.stdout
    place.move(f"https://127.0.0.1:{int(relay.stdout.readline())}")
    _round(place, batches, 999)
    up, down = map(int, relay.communicate()[0].split())
    print(f"Through a relay that counts: {up / batches:,.0f} bytes a batch out, {down / batches:,.0f} back.\n")
    return (up + down) / batches / BATCH


def _packed(place: Place) -> tuple[float, float]:
    """Bytes an event of the bodies, and of their compressed form as stored."""
    with place.home.store.read() as session:
        wanted = select(func.avg(Body.size_bytes), func.avg(func.length(Body.zstd)))
        plain, stored = session.execute(wanted.where(Body.size_bytes > BATCH * 50)).one()
    return plain / BATCH, stored / BATCH


def _relative(rounds: list[Round]) -> float:
    """Cost beside decoding and hashing in the same rounds, so that a slower machine is not taken for growth."""
    return statistics.median(one.all / (one.decoding + one.hashing) for one in rounds)


def _print(rounds: list[Round]) -> None:
    rows = [Row.of(name, (one.stages[name] for one in rounds)) for name in STAGES]
    whole = Row.of("all stages", (one.all for one in rounds))
    beside = [Row.of("msgspec decode of the same lines", (one.decoding for one in rounds))]
    beside.append(Row.of("SHA-256 of the same bodies", (one.hashing for one in rounds)))
    lines = [
        (row.name, f"{row.value:.2f}", f"{row.low:.2f}–{row.high:.2f}", number(1e6 / row.value))
        for row in (*rows, whole, *beside)
    ]
    head = ("stage", "processor µs an event", "low–high of rounds", "events/s of a core")
    print(table("Installation: from the spool to the receipt", head, lines))
    print(
        f"By the clock, with corporate on the same machine: {number(Row.of('', (r.per_s for r in rounds)).value)}/s.\n"
    )


def _history(early: list[Round], late: list[Round], behind: tuple[int, int], added: int) -> str:
    batches, leaves = behind
    rows = [
        (
            f"before {number(added)} more batches",
            number(Row.of("", (r.all for r in early)).value),
            f"{_relative(early):.2f}",
        ),
        (
            f"at {batches:,} batches, {leaves:,} leaves",
            number(Row.of("", (r.all for r in late)).value),
            f"{_relative(late):.2f}",
        ),
    ]
    return table("The length of the history", ("history", "processor µs an event", "times decoding + SHA-256"), rows)


def _bytes(packed: tuple[float, float], on_the_wire: float) -> str:
    rows = [
        ("body, before compression", f"{packed[0]:.1f}"),
        ("body as stored here (zstd 1)", f"{packed[1]:.1f}"),
        ("everything on the wire: TLS, HTTP, signature, body, receipt", f"{on_the_wire:.1f}"),
    ]
    return table("Bytes an event, in batches of 1,000", ("what", "bytes an event"), rows)


if __name__ == "__main__":
    sys.exit(main())
