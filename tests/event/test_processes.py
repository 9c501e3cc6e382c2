"""The spool under real processes: threads, forks, several writers, other users, and `kill -9` at random moments."""

import contextlib
import os
import random
import signal
import stat
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import event
from event import event as face
from event import spool
from tests.event import samples
from tests.event.samples import KIND

NOBODY, INSTALLATION, SHARED_GROUP = 65534, 64001, 64002


def numbers(folder):
    """Return how often each (thread, number) stands in the folder, for the messages of `product forever`."""
    found = (f.message for f in samples.found_in(folder) if isinstance(f, spool.Frame))
    return Counter((m["items"] - 1, m["took_ms"] * 1000 + m["order_id"]) for m in found)


def killed(folder: Path, writers: int, after_s: float) -> set[tuple[int, int]]:
    """Run products that record for ever, kill them all, and return what they had acknowledged."""
    acknowledged: set[tuple[int, int]] = set()

    def listen(process):
        for line in process.stdout:
            thread, number = line.split()
            acknowledged.add((int(thread) - 1, int(number)))

    processes = [samples.product("forever", folder, 2) for _ in range(writers)]
    listeners = [threading.Thread(target=listen, args=(process,)) for process in processes]
    for listener in listeners:
        listener.start()
    while len(acknowledged) < 50:
        time.sleep(0.005)
    time.sleep(after_s)
    for process in processes:
        process.kill()
    for process, listener in zip(processes, listeners, strict=True):
        assert process.wait() == -signal.SIGKILL
        listener.join()
        process.stdout.close()
    return acknowledged


@pytest.mark.parametrize("seed", range(8))
def test_every_acknowledged_record_survives_kill_9(folder, seed):
    acknowledged = killed(folder, 1, random.Random(seed).random() * 0.2)
    found = numbers(folder)
    assert acknowledged - set(found) == set()
    assert set(found.values()) == {1}
    damage = [item for item in samples.found_in(folder) if isinstance(item, spool.Damage)]
    assert {item.reason for item in damage} <= {"torn"}
    assert len(damage) <= 2


def test_after_the_kill_every_segment_can_be_claimed_and_removed(folder):
    killed(folder, 2, 0.05)
    segments = spool.segments(folder)
    assert len(segments) > 2
    for segment in segments:
        with spool.claim(segment.path) as held:
            assert held is not None
            held.remove()
    assert [path.name for path in folder.iterdir()] == ["modes"]


def test_the_segments_of_a_process_come_in_the_order_of_writing(folder):
    killed(folder, 1, 0.1)
    for thread in (0, 1):
        found = [f.message for f in samples.found_in(folder) if f.message["items"] - 1 == thread]
        order = [m["took_ms"] * 1000 + m["order_id"] for m in found]
        assert order == sorted(order)


def test_a_living_writers_segment_can_be_read_but_not_claimed(folder):
    with samples.product("burst", folder, 20, stdin=-1) as process:
        assert process.stdout.readline() == "{}\n"
        (segment,) = spool.segments(folder)
        assert len(list(spool.frames(spool.read(segment.path), False))) == 20
        with spool.claim(segment.path) as held:
            assert held is None
        process.stdin.close()
        assert process.wait(30) == 0
        with spool.claim(segment.path) as held:
            assert held is not None


def test_two_readers_cannot_claim_one_segment(folder, start):
    with samples.product("burst", folder, 1, stdin=-1) as process:
        process.communicate("", 30)
    (segment,) = spool.segments(folder)
    with spool.claim(segment.path) as first, spool.claim(segment.path) as second:
        assert (first is None, second is None) == (False, True)


def test_a_claim_on_what_is_gone_is_none(folder):
    with spool.claim(folder / "1-00000000-1.spool") as held:
        assert held is None


def test_several_processes_write_side_by_side(folder):
    processes = [samples.product("burst", folder, 1000, stdin=-1) for _ in range(4)]
    for process in processes:
        assert process.communicate("", 60)[0] == "{}\n"
    assert len(samples.messages_in(folder)) == 4000
    assert len({segment.name.split("-")[0] for segment in spool.segments(folder)}) == 4


def test_threads_of_one_process_lose_nothing_while_segments_change(folder, start):
    start(limits=event.Limits(segment_bytes=2_000))

    def run(thread):
        for number in range(1000):
            event.new(KIND, order_id=number, items=1 + thread)

    threads = [threading.Thread(target=run, args=(thread,)) for thread in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert event.counts() == {}
    found = Counter((m["items"] - 1, m["order_id"]) for m in samples.messages_in(folder))
    assert found == Counter({(thread, number): 1 for thread in range(8) for number in range(1000)})
    assert len(spool.segments(folder)) > 100


def test_a_fork_in_the_middle_of_writing_loses_and_repeats_nothing(folder):
    with samples.product("forks", folder, 20) as process:
        lines = process.communicate(timeout=60)[0].splitlines()
    assert process.returncode == 0
    assert f"children {[0] * 20}" in lines
    assert "parent {}" in lines
    made = next(int(line.split()[1]) for line in lines if line.startswith("thread"))
    found = Counter(m["items"] for m in samples.messages_in(folder))
    assert found == Counter({50: made, 1: 20} | {2 + child: 100 for child in range(20)})


def test_a_childs_segment_is_its_own_and_the_parents_lock_ends_with_the_parent(folder):
    """A child that lives on must not keep the parent's segment locked: its torn end could never be told."""
    ready, go = os.pipe(), os.pipe()
    parent = os.fork()
    if parent == 0:
        event.start(folder, samples.read_catalogue(), samples.INDEX)
        event.new(KIND, order_id=1)
        if os.fork() == 0:
            event.new(KIND, order_id=2)
            os.write(ready[1], b"x")
            os.close(go[1])
            os.read(go[0], 1)
        os._exit(0)
    os.waitpid(parent, 0)
    os.read(ready[0], 1)
    free = []
    for segment in spool.segments(folder):
        with spool.claim(segment.path) as held:
            free.append((segment.name.split("-")[0] == str(parent), held is not None))
    for descriptor in (*go, *ready):
        os.close(descriptor)
    assert sorted(free) == [(False, False), (True, True)]


def test_no_fork_happens_while_a_segment_is_being_opened(start):
    """The child would inherit a locked descriptor that nobody in it knows of."""
    start()
    held, released = threading.Event(), []

    def hold():
        with face._collector.counts.lock:
            held.set()
            time.sleep(0.2)
            released.append(True)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    child = os.fork()
    if child == 0:
        os._exit(0 if released else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    thread.join()


def test_a_signal_in_the_middle_of_a_call_may_record_too(folder, start):
    start(limits=event.Limits(segment_bytes=10_000))
    handled = []

    def handle(*_):
        handled.append(1)
        event.new(KIND, items=2)

    before = signal.signal(signal.SIGVTALRM, handle)
    signal.setitimer(signal.ITIMER_VIRTUAL, 0.002, 0.002)
    try:
        for _ in range(20_000):
            event.new(KIND, items=1)
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
    assert handled
    assert Counter(m["items"] for m in samples.messages_in(folder)) == {1: 20_000, 2: len(handled)}


def test_a_name_that_is_taken_already_costs_no_message(folder, start):
    """A signal may interrupt the making of a segment after its file is there; the call is then made again."""
    start(limits=event.Limits(segment_bytes=1_000))
    event.new(KIND, items=1)
    (first,) = folder.glob("*.spool")
    process, series, number = first.stem.split("-")
    taken = folder / f"{process}-{series}-{int(number) + 1}.spool"
    taken.touch()
    for _ in range(100):
        event.new(KIND, items=1)
    assert len(samples.messages_in(folder)) == 101
    assert taken.stat().st_size == 0


@contextlib.contextmanager
def shared_folder() -> Iterator[Path]:
    """Make a spool that belongs to the installation's user and the shared group, setgid, as install makes it."""
    with tempfile.TemporaryDirectory() as place:
        os.chmod(place, 0o711)  # noqa: S103 - other users must reach the folder inside
        folder = Path(place) / "spool"
        folder.mkdir()
        samples.set_modes(folder)
        os.chown(folder / "modes", INSTALLATION, SHARED_GROUP)
        (folder / "modes").chmod(0o640)
        os.chown(folder, INSTALLATION, SHARED_GROUP)
        folder.chmod(0o2770)
        yield folder


def as_user(user: int, groups: list[int], work: Callable[[], bool]) -> bool:
    """Do something in a process of another user, with a umask that gives nothing away."""
    child = os.fork()
    if child == 0:
        status = 2
        with contextlib.suppress(BaseException):
            os.setgroups(groups)
            os.setgid(user)
            os.setuid(user)
            os.umask(0o077)
            status = 0 if work() else 1
        os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def need_root() -> None:
    if os.getuid() != 0:
        pytest.fail("two users cannot be tried by a plain user: run this test as root, or in `unshare --map-users`")


def record_two() -> bool:
    event.new(KIND, order_id=1)
    event.new(KIND, order_id=7, gift="no flag")
    return dict(event.counts()) == {f"wrong-type|{KIND}|gift": 1}


def test_a_product_of_one_user_writes_what_an_installation_of_another_reads_and_removes():
    need_root()
    with shared_folder() as folder:
        begin = lambda: event.start(folder, samples.read_catalogue(), samples.INDEX) or record_two()  # noqa: E731
        assert as_user(NOBODY, [SHARED_GROUP], begin)
        written = {path.suffix: path.stat() for path in folder.iterdir() if path.name != "modes"}
        assert {s: (stat.S_IMODE(f.st_mode), f.st_uid, f.st_gid) for s, f in written.items()} == {
            ".spool": (0o640, NOBODY, SHARED_GROUP),
            ".counts": (0o640, NOBODY, SHARED_GROUP),
        }

        def take() -> bool:
            assert [m["order_id"] for m in samples.messages_in(folder)] == [1, 7]
            assert samples.counts_in(folder) == {f"wrong-type|{KIND}|gift": 1}
            (segment,) = spool.segments(folder)
            with spool.claim(segment.path) as held:
                held.remove()
            return True

        assert as_user(INSTALLATION, [SHARED_GROUP], take)
        assert [path.name for path in folder.iterdir()] == ["modes"]


def test_a_user_outside_the_group_collects_nothing_and_is_not_disturbed():
    need_root()
    with shared_folder() as folder:

        def record() -> bool:
            event.start(folder, samples.read_catalogue(), samples.INDEX)
            event.new(KIND, order_id=1)
            return event.counts() == {}

        assert as_user(NOBODY, [], record)
        assert [path.name for path in folder.iterdir()] == ["modes"]


def test_a_product_cannot_change_the_switches():
    need_root()
    with shared_folder() as folder:

        def switch() -> bool:
            try:
                samples.write_word(folder, KIND, samples.modes.Switch("on", 99))
            except PermissionError:
                return True
            return False

        assert as_user(NOBODY, [SHARED_GROUP], switch)
