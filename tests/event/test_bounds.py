"""The spool at its limits: full, short of disk, read-only, removed under the writer. Counted, never raised."""

import ast
import errno
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

import event
from event import spool
from event._counts import COUNTS_BYTES, Counts
from event._spool import MAX_PAYLOAD_BYTES, Limits, Writer, _taken
from event.errors import Reason
from tests.event import samples
from tests.event.samples import KIND


def reasons(counts):
    total = {}
    for name, count in counts.items():
        reason = name.partition("|")[0]
        total[reason] = total.get(reason, 0) + count
    return total


def test_a_segment_that_is_full_is_followed_by_another(folder, start):
    start(limits=event.Limits(segment_bytes=1_000))
    for number in range(100):
        event.new(KIND, order_id=number)
    assert [m["order_id"] for m in samples.messages_in(folder)] == list(range(100))
    assert all(segment.size_bytes <= 1_000 for segment in spool.segments(folder))
    assert len(spool.segments(folder)) > 5


def test_a_segment_that_is_old_is_followed_by_another_and_can_be_taken(folder, start):
    start(limits=event.Limits(segment_age_s=0.0))
    event.new(KIND, order_id=1)
    deadline = time.monotonic() + 10
    while len(spool.segments(folder)) < 2:
        assert time.monotonic() < deadline
        event.new(KIND, order_id=2)
        time.sleep(0.05)
    with spool.claim(spool.segments(folder)[0].path) as held:
        assert held is not None


def test_a_full_spool_drops_and_counts_and_takes_again_when_there_is_room(folder, start):
    start(limits=event.Limits(max_bytes=COUNTS_BYTES * 4, segment_bytes=10_000))
    for number in range(1000):
        event.new(KIND, order_id=number)
    kept = len(samples.messages_in(folder))
    assert reasons(event.counts()) == {"spool-full": 1000 - kept}
    size = sum(path.stat().st_size for path in folder.iterdir() if path.name != "modes")
    assert size <= COUNTS_BYTES * 4 + 10_000 + COUNTS_BYTES
    for segment in spool.segments(folder):
        with spool.claim(segment.path) as held:
            if held is not None:
                held.remove()
    deadline = time.monotonic() + 10
    before = len(samples.messages_in(folder))
    while len(samples.messages_in(folder)) == before:
        assert time.monotonic() < deadline
        event.new(KIND, order_id=1)
        time.sleep(0.05)
    dropped = {name: count for name, count in event.counts().items() if name.startswith("spool-full")}
    assert samples.counts_in(folder) == dropped


@pytest.mark.parametrize("size_bytes", [0, 1_000, 40_000])
def test_a_limit_on_the_size_of_files_is_counted_and_what_was_acknowledged_is_there(folder, size_bytes):
    with samples.product("limited", folder, size_bytes) as process:
        counts = ast.literal_eval(process.communicate(timeout=60)[0])
    found = list(samples.found_in(folder))
    kept = [item for item in found if isinstance(item, spool.Frame)]
    assert reasons(counts).keys() <= {"short-write", "disk-full"}
    assert len(kept) + sum(counts.values()) == 2000
    assert len(found) - len(kept) == reasons(counts).get("short-write", 0) <= 2
    assert len(spool.segments(folder)) <= 5, "a limit of nothing must not make a file for each record"


FULL = """
set -e
mount -t tmpfs -o size=256k tmpfs {place}
cp {modes} {place}/modes
{python} -m tests.event.product full {place} 500
cp {place}/*.spool {place}/*.counts {kept}
"""


def with_mounts(script: str) -> "subprocess.CompletedProcess[str]":
    """Run a script that mounts what it needs, in a mount namespace of its own; a plain user needs user namespaces."""
    more = [] if os.getuid() == 0 else ["--user", "--map-root-user"]
    command = ["unshare", "--mount", *more, "sh", "-ec", script]
    done = subprocess.run(command, cwd=samples.ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, f"a mount of its own is needed (root, or user namespaces): {done.stderr}"
    return done


def test_a_full_disk_is_counted_and_what_was_acknowledged_is_there(folder, tmp_path):
    place, kept = tmp_path / "disk", tmp_path / "kept"
    place.mkdir()
    kept.mkdir()
    done = with_mounts(FULL.format(place=place, modes=folder / "modes", python=sys.executable, kept=kept))
    made, counts = ast.literal_eval(done.stdout)
    found = list(samples.found_in(kept))
    records = [item for item in found if isinstance(item, spool.Frame)]
    assert len(records) + sum(counts.values()) == made
    assert reasons(counts).keys() == {"short-write", "disk-full"}
    assert samples.counts_in(kept) == counts, "counting must go on when the disk is full"
    assert [f.message.get("items") for f in records].count(2) == 500, "when there is room it goes on at once"
    assert [item.reason for item in found if isinstance(item, spool.Damage)] == ["torn"]
    assert isinstance(found[-1], spool.Frame)


@pytest.mark.parametrize("what", ["missing", "a file", "a dangling link"])
def test_a_folder_that_cannot_be_used_is_counted(tmp_path, what):
    folder = tmp_path / "spool"
    if what == "a file":
        folder.write_text("")
    if what == "a dangling link":
        folder.symlink_to(tmp_path / "none")
    counts = Counts()
    writer = Writer(folder, Limits(), counts)
    assert writer.append(b"[6,{}]") is Reason.SPOOL_UNUSABLE


def test_trouble_costs_one_try_a_second_not_one_a_call(tmp_path):
    writer = Writer(tmp_path / "none", Limits(), Counts())
    assert writer.append(b"[6,{}]") is Reason.SPOOL_UNUSABLE
    (tmp_path / "none").mkdir()
    assert writer.append(b"[6,{}]") is Reason.SPOOL_UNUSABLE
    deadline = time.monotonic() + 10
    while writer.append(b"[6,{}]") is not None:
        assert time.monotonic() < deadline
        time.sleep(0.05)


READ_ONLY = """
mount --bind {folder} {folder}
mount -o remount,bind,ro {folder}
exec {python} -m tests.event.product burst {folder} 5 < /dev/null
"""


def test_a_read_only_folder_is_counted_and_the_product_goes_on(folder):
    done = with_mounts(READ_ONLY.format(folder=folder, python=sys.executable))
    assert ast.literal_eval(done.stdout) == {f"spool-unusable|{KIND}|": 5}


def test_a_segment_that_was_removed_under_the_writer_is_given_up_within_about_a_second(folder, start):
    start()
    event.new(KIND, order_id=1)
    (segment,) = spool.segments(folder)
    segment.path.unlink()
    deadline = time.monotonic() + 10
    while not spool.segments(folder):
        assert time.monotonic() < deadline
        event.new(KIND, order_id=2)
        time.sleep(0.05)


def test_a_descriptor_that_became_somebody_elses_is_never_closed_and_given_up(folder, start, tmp_path):
    """A program that closes every descriptor and opens its own gets our number, but not our records for long."""
    counts = Counts()
    writer = Writer(folder, Limits(), counts)
    assert writer.append(b"[6,{}]") is None
    theirs = os.open(tmp_path / "theirs", os.O_RDWR | os.O_CREAT)
    os.dup2(theirs, writer.descriptor)
    number = writer.descriptor
    writer.verify()
    assert writer.append(b"[6,{}]") is None
    del writer
    assert os.fstat(number).st_ino == os.fstat(theirs).st_ino
    assert os.path.getsize(tmp_path / "theirs") == 0
    os.close(theirs)
    os.close(number)


def test_a_reader_that_takes_the_empty_segment_first_makes_the_writer_take_another_name(tmp_path):
    """Played at the system call: the file is locked, or gone, between its creation and the lock."""
    path = tmp_path / "1-00000000-1.spool"
    ours = os.open(path, os.O_WRONLY | os.O_CREAT)
    with spool.claim(path) as held:
        assert held is not None
        assert not _taken(ours, path)
        held.remove()
    assert not _taken(ours, path)
    path.touch()
    assert not _taken(ours, path)
    os.close(ours)


def test_the_largest_record_is_read_back_and_left_alone_until_it_is_whole(folder):
    payload = b'[6,{"kind":"%b"}]' % (b"x" * (MAX_PAYLOAD_BYTES - 15))
    assert len(payload) == MAX_PAYLOAD_BYTES
    assert Writer(folder, Limits(), Counts()).append(payload) is None
    data = spool.read(spool.segments(folder)[0].path)
    assert [item.payload for item in spool.frames(data, False)] == [payload]
    assert list(spool.frames(data[:-1], False)) == []


def test_counts_keep_their_sum_when_their_slots_are_used_up(folder):
    counts = Counts()
    counts.attach(folder / "1-00000000-1.spool")
    (folder / "1-00000000-1.spool").touch()
    for number in range(1000):
        counts.add(Reason.WRONG_TYPE, "shop/order-placed", f"key_{number}")
    counts.add(Reason.TOO_LARGE, "x" * 500)
    (found,) = spool.counts(folder).values()
    assert sum(found.values()) == 1001
    assert found[spool.Dropped("wrong-type", "", "")] == 1000 - (256 - len(Reason))
    assert found[spool.Dropped("too-large", "", "")] == 1


def test_counts_wait_for_a_place_to_stand(folder):
    counts = Counts()
    counts.add(Reason.DISK_FULL, KIND)
    counts.attach(folder / "1-00000000-1.spool")
    (folder / "1-00000000-1.spool").touch()
    assert samples.counts_in(folder) == {f"disk-full|{KIND}|": 1}


def test_each_segment_has_only_its_own_counts(folder, start):
    start(limits=event.Limits(segment_bytes=300))
    for number in range(20):
        event.new(KIND, order_id=number, gift=7)
    assert len(spool.segments(folder)) > 5
    assert samples.counts_in(folder) == event.counts() == {f"wrong-type|{KIND}|gift": 20}


def test_a_reader_follows_no_link_and_opens_no_pipe(tmp_path):
    secret: Path = tmp_path / "secret"
    secret.write_text("not ours")
    folder = tmp_path / "spool"
    folder.mkdir()
    (folder / "1-00000000-1.spool").symlink_to(secret)
    os.mkfifo(folder / "1-00000000-2.spool")
    assert spool.segments(folder) == ()
    for name in ("1-00000000-1.spool", "1-00000000-2.spool"):
        with pytest.raises(OSError) as caught:
            spool.read(folder / name)
        assert caught.value.errno in (errno.ELOOP, None)
