"""Real processes: killed at random moments, several at once, on a full disk, in a read-only folder, wrong clocks."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from diffgram_home import intake, ledger, people, reading, sealing, verifying
from diffgram_home.models import Batch, Leaf
from event import spool as segments
from tests.store.building import ACTOR, NOW, batches_due, build, collect_and_seal, orders_in, spool
from tests.store.test_path import begin, finish, queued_orders

ROOT = Path(__file__).parents[2]
WORKER = (sys.executable, str(Path(__file__).with_name("worker.py")))
YEAR = timedelta(days=365)
NOBODY = 65534


def start(home, what, *more):
    command = [*WORKER, what, str(home.settings.path), *map(str, more)]
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environ, cwd=ROOT)


def kill(process):
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()


def leaves(home):
    with home.store.read() as session:
        return session.scalars(select(Leaf.position).order_by(Leaf.position)).all()


def numbers(home):
    with home.store.read() as session:
        return session.scalars(select(Batch.sequence).order_by(Batch.id)).all()


def all_orders(home):
    return sorted(order for row in reading.pending(home, limit=10_000).batches for order in orders_in(row.body))


@pytest.mark.parametrize(("whats", "seed"), [(("take", "seal"), 1), (("both", "both"), 2)])
def test_kill_9_at_random_moments_loses_nothing_and_takes_nothing_twice(home, whats, seed):
    chance, order = random.Random(seed), 0
    for _ in range(5):
        processes = [start(home, what) for what in whats]
        for process in processes:
            assert process.stdout.readline() == "ready\n"
        until = time.monotonic() + chance.uniform(0.05, 0.4)
        while time.monotonic() < until:
            spool(home, range(order, order + 300))
            order += 300
        for process in processes:
            kill(process)
    intake.take(home, NOW)
    sealing.seal_waiting(home, NOW)
    assert Counter(all_orders(home)) == Counter(range(order))
    assert numbers(home) == list(range(1, len(numbers(home)) + 1))
    assert verifying.verify(home, NOW).holds
    assert list(home.settings.spool.folder.glob("*.spool")) == []


def test_several_processes_append_to_one_ledger(home):
    before = len(leaves(home))
    processes = [start(home, "append", 60) for _ in range(3)]
    for process in processes:
        assert process.stdout.read() == "ready\ndone\n"
        process.wait()
        process.stdout.close()
    assert leaves(home) == list(range(before + 180))
    assert verifying.verify(home, NOW).holds


def test_killed_while_appending_leaves_a_whole_ledger(home):
    chance = random.Random(3)
    for _ in range(4):
        process = start(home, "append", 100_000)
        assert process.stdout.readline() == "ready\n"
        time.sleep(chance.uniform(0.01, 0.2))  # the moment of the kill is what is tried here
        kill(process)
    assert leaves(home) == list(range(len(leaves(home))))
    assert verifying.verify(home, NOW).holds


def inside(folder: Path, mount: str, command: list[str]) -> str:
    """Run a command in a mount namespace of its own in which `folder` was changed by `mount`; returns its output."""
    script = f'{mount} && exec "$@"'
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "FOLDER": str(folder)}
    wrapped = ["unshare", "--map-root-user", "--mount", "sh", "-c", script, "sh", *command]
    return subprocess.run(wrapped, capture_output=True, text=True, env=environ, cwd=ROOT, check=True).stdout


def test_a_full_disk_is_told_and_loses_nothing(home):
    spool(home, range(30_000))
    copy = (
        'cp -a "$FOLDER" "$FOLDER.copy" && mount -t tmpfs -o size=6m none "$FOLDER" && cp -a "$FOLDER.copy/." "$FOLDER"'
        ' && rm -rf "$FOLDER.copy" && (dd if=/dev/zero of="$FOLDER/filler" bs=64k 2>/dev/null; true)'
    )
    again = f'"{WORKER[0]}" "{WORKER[1]}" once "{home.settings.path}"'
    count = again.replace(" once ", " count ")
    check = f'"{sys.executable}" -m diffgram_home.cli --config "{home.settings.path}" check 2>&1'
    script = f'{again}; {again}; {check}; rm "$FOLDER/filler"; {again}; {count}'
    home.close()
    said = inside(home.settings.path.parent, copy, ["sh", "-c", script]).splitlines()
    assert all(line.startswith("disk-full | make room") for line in said[:2])
    assert said[2].endswith("disk I/O error")
    assert said[3] == "  to do: make room on the disk; nothing was lost"
    assert said[4:] == ["done", "30000 messages, 30000 orders", "done"]


def test_a_read_only_folder_is_told_and_loses_nothing(home):
    spool(home, range(10))
    mount = 'mount --bind "$FOLDER" "$FOLDER" && mount -o remount,ro,bind "$FOLDER"'
    folder, path = home.settings.path.parent, str(home.settings.path)
    home.close()
    assert inside(folder, mount, [*WORKER, "once", path]).startswith("database-read-only | let the user")
    assert inside(folder, mount, [*WORKER, "mode", path, "off"]).startswith("database-read-only | let the user")
    assert intake.take(home, NOW).messages["event"] == 10


def test_a_clock_set_back_or_forward_a_year_loses_nothing(home):
    collect_and_seal(home, [1])
    for order, now in ((2, NOW + YEAR), (3, NOW - YEAR), (4, NOW)):
        spool(home, [order])
        intake.take(home, now)
        sealing.seal_waiting(home, now)
    assert queued_orders(home) == [1, 2, 3, 4]
    with home.store.read() as session:
        far = batches_due(session, NOW + 2 * YEAR, ["event"], 10)
        assert [row.sequence for row in far] == [1, 2, 3, 4]
    for batch in (1, 2, 3, 4):
        finish(home, begin(home, batch), "accepted", receipt="a.b.c", status=200)
    assert verifying.verify(home, NOW).holds
    assert ledger.sign_checkpoint(home, NOW - YEAR) is not None


def test_a_clock_set_back_does_not_lock_anybody_out_for_long(home):
    people.add(home, "a.okafor", "correct horse battery", ["admin"], ACTOR, NOW)
    for _ in range(8):
        people.sign_in(home, "a.okafor", "wrong", "10.0.0.1", NOW)
    assert isinstance(people.sign_in(home, "a.okafor", "wrong", "10.0.0.1", NOW), people.Denied)
    for now in (NOW - YEAR, NOW + YEAR):
        later = people.sign_in(home, "a.okafor", "correct horse battery", "10.0.0.1", now)
        assert isinstance(later, people.SignedIn), "a wait that no clock of ours could have written holds nobody out"


def test_a_child_of_a_fork_uses_no_connection_of_its_parent(home):
    with home.store.read() as session:
        session.execute(select(Leaf.position).limit(1))
    child = os.fork()
    if child == 0:
        try:
            spool(home, [7])
            intake.take(home, NOW)
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    sealing.seal_waiting(home, NOW)
    assert all_orders(home) == [7]


def test_a_segment_that_comes_back_is_not_taken_twice(home):
    path = spool(home, range(3))
    data = path.read_bytes()
    with path.open("rb") as writer:
        import fcntl  # noqa: PLC0415  only here does a test play the living writer

        fcntl.flock(writer, fcntl.LOCK_EX)
        intake.take(home, NOW)
        assert path.exists()
        path.unlink()
        intake.take(home, NOW)
    path.write_bytes(data)
    intake.take(home, NOW)
    sealing.seal_waiting(home, NOW)
    assert all_orders(home) == [0, 1, 2]


def test_a_segment_that_another_process_finished_meanwhile_is_not_taken_twice(home):
    path = spool(home, range(3))
    with ThreadPoolExecutor(1) as threads:
        with home.store.write() as session:
            session.execute(select(Leaf.position).limit(1))  # the transaction begins with its first statement
            taking = threads.submit(intake.take, home, NOW)
            while taken_by_nobody(path):
                time.sleep(0.001)
            time.sleep(0.2)  # it has read by now, and waits to write
            path.unlink()  # what another process does last but one; its row in the database goes after that
        assert taking.result(30).messages == {}


def taken_by_nobody(path):
    with segments.claim(path) as held:
        return held is not None


def test_two_installations_in_two_folders_know_nothing_of_each_other(tmp_path):
    one, other = build(tmp_path / "a"), build(tmp_path / "b")
    collect_and_seal(one, [1])
    assert reading.pending(other).batches == ()
    assert one.installation != other.installation
    one.close()
    other.close()


def test_a_segment_that_may_not_be_read_is_told_and_holds_up_no_other():
    with tempfile.TemporaryDirectory() as place:
        home = build(Path(place))
        barred = spool(home, [1])
        spool(home, [2])
        home.close()
        if os.geteuid() == 0:  # who may read anything: so somebody else takes them
            for path in (Path(place), *Path(place).rglob("*")):
                os.chown(path, NOBODY, NOBODY)
            os.chown(barred, 0, 0)
        barred.chmod(0)
        child = os.fork()
        if child == 0:
            with contextlib.suppress(BaseException):
                if os.geteuid() == 0:
                    os.setgroups([])
                    os.setgid(NOBODY)
                    os.setuid(NOBODY)
                taken = intake.take(home, NOW)
                told = {notice.code: notice.text for notice in reading.notices(home)}
                os._exit(0 if taken.messages["event"] == 1 and barred.name in told["spool-unusable"] else 1)
            os._exit(2)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
