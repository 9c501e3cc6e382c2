"""Records that are waited for: on the disk before `settle` returns, whatever happens to the segment meanwhile."""

import fcntl
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest

from event import spool
from event._counts import Counts
from event._settling import Settling
from event._spool import Limits
from event.errors import Reason


@pytest.fixture
def writer(tmp_path: Path) -> Settling:
    return Settling(tmp_path, Limits(segment_bytes=2_000), Counts())


def payload(number: int) -> bytes:
    return msgspec.json.encode((1, {"kind": "shop/order-placed", "at": "2026-11-22T13:00Z", "number": number}))


def numbers_in(folder: Path) -> Iterator[int]:
    for segment in spool.segments(folder):
        for found in spool.frames(segment.path.read_bytes(), final=True):
            assert isinstance(found, spool.Frame)
            yield found.message["number"]


def test_what_was_settled_by_many_threads_is_there_once_over_many_segments(tmp_path: Path, writer: Settling):
    def told(number: int) -> bool:
        return writer.append(payload(number)) is None and writer.settle() is None

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(told, range(800)))
    assert sorted(numbers_in(tmp_path)) == list(range(800))
    assert len(list(spool.segments(tmp_path))) > 5


def test_settling_nothing_is_no_trouble(writer: Settling):
    assert writer.settle() is None
    assert writer.append(payload(1)) is None
    assert [writer.settle(), writer.settle()] == [None, None]


def test_a_disk_that_does_not_keep_it_is_told_and_the_next_record_goes_elsewhere(tmp_path: Path, writer: Settling):
    assert writer.append(payload(1)) is None
    far, near = os.pipe()
    os.dup2(near, writer.descriptor, inheritable=False)  # a pipe takes records, and cannot be flushed
    assert writer.append(payload(2)) is None
    assert writer.settle() is Reason.SPOOL_UNUSABLE
    assert writer.settle() is Reason.SPOOL_UNUSABLE, "asked again, the kernel says that all is well"
    assert writer.append(payload(3)) is None
    assert writer.settle() is None
    assert sorted(numbers_in(tmp_path)) == [1, 3]
    os.close(far)
    os.close(near)


def test_what_could_not_be_flushed_when_the_segment_changed_is_told(tmp_path: Path, writer: Settling):
    assert writer.append(payload(1)) is None
    far, near = os.pipe()
    os.dup2(near, writer.descriptor, inheritable=False)
    assert writer.append(payload(2)) is None
    wanted = writer._written
    writer._left = -1  # as when it is full or old
    assert writer.append(payload(3)) is None
    assert (wanted, writer.settle()) == (2, None)
    assert writer._unkept == 2
    os.close(far)
    os.close(near)


def test_a_child_settles_what_is_its_own(tmp_path: Path, writer: Settling):
    assert writer.append(payload(1)) is None
    with writer._flushing, writer._writing:  # held by threads that the child does not have
        child = os.fork()
        if child == 0:
            kept = writer.append(payload(2)) is None and writer.settle() is None
            os._exit(0 if kept else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert sorted(numbers_in(tmp_path)) == [1, 2]
    for segment in spool.segments(tmp_path):
        with segment.path.open("rb") as file:
            if str(os.getpid()) not in segment.path.name:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
