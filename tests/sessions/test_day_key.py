"""The daily key: where it is, that its day's end is its own, and that nobody gets yesterday's (design 11)."""

import ctypes
import os
import shutil
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from diffgram_home.browser import memory as memories
from diffgram_home.browser.day_key import DayKey, KeyRefused, day_of, keys
from diffgram_home.browser.memory import NoMemory
from tests.sessions.conftest import NEXT_DAY, NOON

PARTS = (b"shop.example", b"\xc0\x00\x02\x01", b"Mozilla/5.0")
WORKER = """
import sys
from datetime import datetime
from pathlib import Path
from diffgram_home.browser.day_key import DayKey
key = DayKey(Path(sys.argv[1]), clock=lambda: datetime.fromisoformat(sys.argv[2]))
print(key.digest((b"shop.example", b"\\xc0\\x00\\x02\\x01", b"Mozilla/5.0"), datetime.fromisoformat(sys.argv[2])).hex())
"""


def key(folder: Path, now: datetime = NOON) -> DayKey:
    return DayKey(folder, clock=lambda: now)


def test_the_file_is_256_bits_of_randomness_for_our_user_alone(memory: Path) -> None:
    key(memory).digest(PARTS, NOON)
    (file,) = memory.iterdir()
    head, _, secret = file.read_bytes().partition(b"\n")
    assert (file.name, head, len(secret)) == ("key-2026-11-22", b"diffgram-home-session-key/1 2026-11-22", 32)
    assert file.stat().st_mode & 0o777 == 0o600
    assert memories.kind_of(file) in memories.IN_MEMORY


def test_another_day_has_another_key_and_another_hash(memory: Path) -> None:
    mine = key(memory)
    first = mine.digest(PARTS, NOON)
    assert mine.digest(PARTS, NEXT_DAY) != first
    mine.attend(NOON)  # read before midnight, and late
    assert keys(memory) == (mine.holds(),) == ("2026-11-23",)


def test_two_workers_share_one_key(memory: Path) -> None:
    commands = [sys.executable, "-c", WORKER, str(memory), NOON.isoformat()]
    workers = [subprocess.Popen(commands, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    said = {worker.communicate()[0].strip() for worker in workers}
    assert said == {key(memory).digest(PARTS, NOON).hex()}
    assert [path.name for path in memory.iterdir()] == ["key-2026-11-22"]


def test_parts_are_kept_apart(memory: Path) -> None:
    mine = key(memory)
    assert mine.digest((b"ab", b"c"), NOON) != mine.digest((b"a", b"bc"), NOON)


def test_after_midnight_file_and_copy_are_gone_though_nobody_asks(memory: Path) -> None:
    moments = iter([datetime(2026, 11, 22, 23, 59, 59, 950_000, tzinfo=UTC)])
    told: list[str] = []
    mine = DayKey(memory, clock=lambda: next(moments, NEXT_DAY), over=lambda: told.append("over"))
    mine.digest(PARTS, NOON)
    page = mine._page
    assert page is not None
    assert mine.attendant is not None
    mine.attendant.join()
    assert (keys(memory), mine.holds(), told) == ((), "", ["over"])
    assert not any(page[:])


def test_the_key_of_yesterday_is_refused(memory: Path) -> None:
    mine = key(memory, NEXT_DAY)
    mine.attend(NEXT_DAY)
    with pytest.raises(KeyRefused):
        mine.digest(PARTS, NOON)
    mine.digest(PARTS, NEXT_DAY)
    with pytest.raises(KeyRefused):
        mine.digest(PARTS, NEXT_DAY - timedelta(microseconds=1))


def test_yesterdays_key_put_back_under_todays_name_is_refused(memory: Path) -> None:
    other = key(memory, NEXT_DAY)
    (memory / "key-2026-11-23").write_bytes(b"diffgram-home-session-key/1 2026-11-22\n" + bytes(range(32)))
    with pytest.raises(KeyRefused):
        other.digest(PARTS, NEXT_DAY)
    assert keys(memory) == ()


def test_a_key_that_is_cut_is_refused_and_made_anew(memory: Path) -> None:
    (memory / "key-2026-11-22").write_bytes(b"diffgram-home-session-key/1 2026-11-22\nshort")
    mine = key(memory)
    with pytest.raises(KeyRefused):
        mine.digest(PARTS, NOON)
    assert mine.digest(PARTS, NOON)


def test_a_link_in_the_keys_place_is_not_followed(memory: Path, tmp_path: Path) -> None:
    (tmp_path / "target").write_bytes(b"diffgram-home-session-key/1 2026-11-22\n" + bytes(32))
    (memory / "key-2026-11-22").symlink_to(tmp_path / "target")
    with pytest.raises(OSError, match="symbolic links"):
        key(memory).digest(PARTS, NOON)


def test_a_process_that_holds_a_key_makes_no_core_dump_and_its_child_has_no_copy(memory: Path) -> None:
    pid = os.fork()
    if pid == 0:
        mine = key(memory)
        first = mine.digest(PARTS, NOON)
        flags = _flags_of_page(mine)
        child = os.fork()
        if child == 0:
            os._exit(0 if mine.holds() == "" and mine.digest(PARTS, NOON) == first else 1)
        _, status = os.waitpid(child, 0)
        os._exit(0 if {"dd", "dc"} <= flags and status == 0 else 1)
    assert os.waitpid(pid, 0)[1] == 0
    code = WORKER + "import resource\nprint(resource.getrlimit(resource.RLIMIT_CORE))"
    said = subprocess.check_output([sys.executable, "-c", code, str(memory), NOON.isoformat()], text=True)
    assert said.splitlines()[1] == "(0, 0)"


def test_behind_the_tripwire_a_key_is_made_and_its_page_is_locked(memory: Path) -> None:
    arming = "from diffgram_home import tripwire\ntripwire.arm('pages')\n"
    looking = "print(any({'lo', 'dd', 'wr'} <= set(line.split()) for line in open('/proc/self/smaps')))"
    command = [sys.executable, "-c", arming + WORKER + looking, str(memory), NOON.isoformat()]
    digest, locked = subprocess.check_output(command, text=True).splitlines()
    assert (len(digest), locked) == (64, "True")


def _flags_of_page(mine: DayKey) -> set[str]:
    """The kernel's flags of the page with the copy: `dd` is in no dump, `dc` is in no child."""
    address = ctypes.addressof(ctypes.c_char.from_buffer(mine._page))  # type: ignore[arg-type]
    found = False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        first, _, rest = line.partition(" ")
        if "-" in first and ":" not in first:
            begin, end = (int(part, 16) for part in first.split("-"))
            found = begin <= address < end
        elif found and first == "VmFlags:":
            return set(rest.split())
    return set()


def test_a_dump_of_a_living_worker_has_no_key(memory: Path, tmp_path: Path) -> None:
    """Not a promise of gcore's, but the kernel's own: the page is left out of what the kernel writes."""
    ready, go = os.pipe()
    pid = os.fork()
    if pid == 0:
        mine = key(memory)
        mine.digest(PARTS, NOON)
        os.write(go, b"1")
        signal.pause()
    os.read(ready, 1)
    secret = (memory / "key-2026-11-22").read_bytes()[-32:]
    try:
        assert secret not in _heap_of(pid)
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _heap_of(pid: int) -> bytes:
    """All memory of a process that a core dump would hold: writable, without the pages marked `dd`."""
    found = bytearray()
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        span = None
        for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
            first, _, rest = line.partition(" ")
            if "-" in first and ":" not in first:
                begin, end = (int(part, 16) for part in first.split("-"))
                span = (begin, end) if rest.startswith("rw") else None
            elif span and first == "VmFlags:" and "dd" not in rest.split():
                memory.seek(span[0])
                found += memory.read(span[1] - span[0])
    return bytes(found)


def test_the_folder_is_on_a_memory_file_system_or_there_is_none(memory: Path, tmp_path: Path) -> None:
    assert memories.kind_of(memory) == "tmpfs"
    with pytest.raises(NoMemory, match="no memory file system"):
        memories.folder("0123456789abcdef" * 2, places=(tmp_path, tmp_path / "absent"))
    made = memories.folder("0123456789abcdef" * 2, places=(tmp_path, memory))
    assert (made.parent, made.stat().st_mode & 0o777) == (memory, 0o700)
    assert memories.folder("0123456789abcdef" * 2, places=(memory,)) == made


@pytest.mark.parametrize("prepare", ["open", "link", "file"])
def test_a_folder_that_somebody_else_prepared_is_not_used(memory: Path, tmp_path: Path, prepare: str) -> None:
    path = memory / "diffgram-home-0123456789abcdef"
    if prepare == "open":
        path.mkdir()
        path.chmod(0o777)
    elif prepare == "link":
        path.symlink_to(tmp_path)
    else:
        path.write_bytes(b"")
    with pytest.raises(NoMemory, match="not this installation's own"):
        memories.folder("0123456789abcdef" * 2, places=(memory,))


def test_the_kind_of_a_file_system_is_the_kernels_word() -> None:
    device = os.stat("/").st_dev
    line = f"25 1 {os.major(device)}:{os.minor(device)} / / rw shared:1 - ramfs none rw"
    assert memories.kind_of(Path("/"), line) == "ramfs"
    assert memories.kind_of(Path("/"), "") == ""
    assert memories.kind_of(Path("/absent")) == ""


def test_a_day_is_that_of_utc() -> None:
    assert day_of(datetime.fromisoformat("2026-11-22T23:30:00-02:00")) == "2026-11-23"


def test_without_a_folder_nothing_is_hashed(memory: Path) -> None:
    shutil.rmtree(memory)
    with pytest.raises(OSError, match="No such file"):
        key(memory).digest(PARTS, NOON)
