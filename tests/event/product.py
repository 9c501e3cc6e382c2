"""A product in a process of its own, for the tests: `python -m tests.event.product COMMAND SPOOL …`."""

import os
import resource
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import event
from tests.event import samples

_COUNTERS = "/proc/self/io"
_opened: list[str] = []


def say(text: str) -> None:
    """Acknowledge: one write, so that a kill cannot cut what another thread said."""
    os.write(1, f"{text}\n".encode())


def start(folder: Path, **limits: float) -> None:
    event.start(folder, samples.read_catalogue(), samples.INDEX, limits=event.Limits(**limits))  # type: ignore[arg-type]


def forever(folder: Path, threads: int) -> None:
    """Record for ever in some threads; acknowledge each record after it was made, as `thread number`."""
    start(folder, segment_bytes=4_000)

    def run(thread: int) -> None:
        for number in range(1, 10**9):
            event.new(samples.KIND, order_id=number % 1000, items=1 + thread, took_ms=number // 1000)
            say(f"{1 + thread} {number}")

    for thread in range(threads):
        threading.Thread(target=run, args=(thread,)).start()


def burst(folder: Path, count: int) -> None:
    """Record so many messages, then say what was dropped, and stay until standard input ends."""
    start(folder)
    for number in range(count):
        event.new(samples.KIND, order_id=number % 1000)
    say(repr(dict(event.counts())))
    sys.stdin.read()


def full(folder: Path, count: int) -> None:
    """Record until the disk is full and on for so many messages, make room, and record as many again."""
    (folder / "ballast").write_bytes(bytes(64 * 1024))
    start(folder)
    made = 0
    while not event.counts():
        event.new(samples.KIND, order_id=made % 1000)
        made += 1
    for _ in range(count):
        event.new(samples.KIND, order_id=1, items=1)
    (folder / "ballast").unlink()
    for _ in range(count):
        event.new(samples.KIND, order_id=2, items=2)
    say(repr((made + 2 * count, dict(event.counts()))))


def forks(folder: Path, children: int) -> None:
    """Record in a parent and in forked children, while a thread of the parent records all the time."""
    start(folder, segment_bytes=3_000)
    ended = threading.Event()

    def run() -> None:
        number = 0
        while not ended.is_set() or number < 1000:
            event.new(samples.KIND, order_id=number % 1000, items=50)
            number += 1
        say(f"thread {number}")

    thread = threading.Thread(target=run)
    thread.start()
    for child in range(children):
        event.new(samples.KIND, order_id=child, items=1)
        if os.fork() == 0:
            for number in range(100):
                event.new(samples.KIND, order_id=number, items=2 + child)
            os._exit(0 if not event.counts() else 1)
    say(f"children {sorted(os.waitstatus_to_exitcode(os.wait()[1]) for _ in range(children))}")
    ended.set()
    thread.join()
    say(f"parent {dict(event.counts())}")


def limited(folder: Path, size_bytes: int) -> None:
    """Record 2000 messages where no file may grow past a size: the write is cut short, then refused."""
    start(folder)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, size_bytes))
    for number in range(2000):
        event.new(samples.KIND, order_id=number % 1000)
    say(repr(dict(event.counts())))


def calls(folder: Path, count: int) -> None:
    """Say how many files were opened, and how many reads and writes the kernel saw, during so many calls."""
    start(folder)
    watching = False

    def watch(name: str, arguments: tuple[object, ...]) -> None:
        if watching and name == "open" and arguments[0] != _COUNTERS:
            _opened.append(str(arguments[0]))

    sys.addaudithook(watch)
    fault = ValueError(samples.SECRET)

    def work() -> None:
        for number in range(count):
            event.new(samples.KIND, order_id=number % 1000)
            event.new("shop/no-such-kind", order_id=1)
            event.error(fault, project_id=1)

    idle = _system_calls(lambda: None)
    watching = True
    busy = _system_calls(work)
    watching = False
    say(f"{len(_opened)} {busy - idle}")


def _system_calls(work: Callable[[], None]) -> int:
    """Return how many read and write calls this process made while it worked; reading that number is among them."""

    def now() -> int:
        with open(_COUNTERS, "rb", buffering=0) as file:
            lines = file.read().decode().splitlines()
        return sum(int(line.split()[1]) for line in lines if line.startswith(("syscr", "syscw")))

    before = now()
    work()
    return now() - before


if __name__ == "__main__":
    command, place, *rest = sys.argv[1:]
    commands: dict[str, Callable[..., None]] = {f.__name__: f for f in (forever, burst, full, forks, limited, calls)}
    commands[command](Path(place), *map(int, rest))
