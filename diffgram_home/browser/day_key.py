"""The key of a UTC day, under which addresses and user agents become the hashes of sessions (design 11).

256 bits of the kernel's randomness in a file on a memory file system (`memory`), and a copy in each worker that hashes.
The file is `key-2026-11-22`, mode 0600: one line that names format and day, then 32 bytes. Whoever needs it first
makes it; `link` lets exactly one of them win, and the others read what the winner wrote.

When the day is over, in UTC, file and copies are gone: a thread of each worker that has a copy waits for midnight,
writes zeros over the copy and removes the file; so does whoever meets a key of another day. A key that was put back
under today's name says its own day, and is refused. After that nobody, who has an address in mind, can find it again.

Where the copy is. In one page of its own, outside Python's heap: read from the file straight into it, handed to OpenSSL
from it, locked against swapping where the limit allows that, left out of core dumps (MADV_DONTDUMP); and a process that
holds a key makes no core dumps at all (RLIMIT_CORE 0). OpenSSL's own working memory may hold what it made of the key
for a while, and is not ours to clear.
"""

from __future__ import annotations

import contextlib
import ctypes
import hmac
import mmap
import os
import resource
import secrets
import threading
import weakref
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

KEY_BYTES = 32
_HEAD = "diffgram-home-session-key/1 {}\n"
_HEAD_BYTES = len(_HEAD.format("2026-11-22"))
_WHOLE_BYTES = _HEAD_BYTES + KEY_BYTES
_PREFIX = "key-"
_LOOK_EVERY_S = 60.0
"""A clock that was set, or a machine that slept, is noticed after this long, and at once when somebody asks."""


class KeyRefused(Exception):
    """There is no key for the day that was asked for: it is over, or its file holds another day's."""


def day_of(now: datetime) -> str:
    """The UTC day, `2026-11-22`."""
    return now.astimezone(UTC).strftime("%Y-%m-%d")


class DayKey:
    """The key of one day at a time, for one process; share it between threads. Opens nothing until it is needed.

    `over` is called when the day ended and the copy is gone. `clock` is read by the thread that waits for midnight.
    """

    def __init__(
        self,
        folder: Path,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        over: Callable[[], None] = lambda: None,
    ) -> None:
        self._folder, self._clock, self._told = folder, clock, over
        self._lock = threading.Lock()
        self._page: mmap.mmap | None = None
        self._day, self._over = "", ""
        self.attendant: threading.Thread | None = None
        _ALL.add(self)

    def digest(self, parts: Sequence[bytes], now: datetime) -> bytes:
        """HMAC-SHA-256 of the parts, each with its length before it, under the key of `now`'s day.

        Raises KeyRefused for a day that is over here, and OSError where the file cannot be made or read.
        """
        message = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
        day = day_of(now)
        with self._lock:
            if self._day != day:
                self._take(day)
            if self._page is None:
                raise KeyRefused(f"no key for {day}")
            with memoryview(self._page) as page:
                return hmac.digest(page[_HEAD_BYTES:_WHOLE_BYTES], message, "sha256")  # type: ignore[arg-type]

    def holds(self) -> str:
        """The day whose key this process has a copy of, or nothing."""
        with self._lock:
            return self._day

    def attend(self, now: datetime) -> None:
        """Let go of every key that is not of `now`'s day: the copy here, and the files. Raises OSError.

        A `now` of a day that is over here was read before midnight and comes late: nothing is done.
        """
        day = day_of(now)
        with self._lock:
            if day <= self._over:
                return
            if self._day != day:
                self._forget()
            self._over = max(self._over, _day_before(day))
            remove_others(self._folder, day)

    def after_fork(self) -> None:
        """In a child: the copy and the thread that attends to it are the parent's, and the lock may have been held."""
        self._lock = threading.Lock()
        self._page, self._day, self.attendant = None, "", None

    def _take(self, day: str) -> None:
        """Have the key of `day`, made if there is none."""
        if day <= self._over:
            raise KeyRefused(f"the key of {day} is gone")
        self._forget()
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        remove_others(self._folder, day)
        path = self._folder / f"{_PREFIX}{day}"
        if not path.exists():
            self._make(path, day)
        page = self._ready()
        if _read_into(page, path) != _WHOLE_BYTES or page[:_HEAD_BYTES] != _HEAD.format(day).encode():
            _blank(page)
            path.unlink(missing_ok=True)
            raise KeyRefused(f"'{path.name}' holds no key of its day, and was removed")
        self._day = day
        self._over = max(self._over, _day_before(day))
        self._attended()

    def _make(self, path: Path, day: str) -> None:
        """Write a new key beside `path`, then give it the name unless another process was faster."""
        beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        page = self._ready()
        page[:_HEAD_BYTES] = _HEAD.format(day).encode()
        with memoryview(page) as view, open("/dev/urandom", "rb", buffering=0) as source:
            if source.readinto(view[_HEAD_BYTES:_WHOLE_BYTES]) != KEY_BYTES:
                raise OSError("the kernel gave too little randomness")
            descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            try:
                if os.write(descriptor, view[:_WHOLE_BYTES]) != _WHOLE_BYTES:
                    raise OSError(f"no room for '{path.name}'")
                with contextlib.suppress(FileExistsError):
                    os.link(beside, path)
            finally:
                os.close(descriptor)
                beside.unlink(missing_ok=True)

    def _ready(self) -> mmap.mmap:
        if self._page is None:
            self._page = _page()
        return self._page

    def _forget(self) -> None:
        if self._page is not None:
            _blank(self._page)
        self._day = ""

    def _attended(self) -> None:
        """See that a thread waits for the end of the day."""
        if self.attendant is None or not self.attendant.is_alive():
            self.attendant = threading.Thread(target=self._wait, name="session-key", daemon=True)
            self.attendant.start()

    def _wait(self) -> None:
        waiting = threading.Event()  # never set: the process ends, or the day does
        while self.holds():
            now = self._clock()
            with contextlib.suppress(OSError):
                self.attend(now)
            if not self.holds():
                self._told()
                return
            waiting.wait(min(_LOOK_EVERY_S, _left_s(now)))


def remove_others(folder: Path, day: str) -> None:
    """Remove every key of another day than `day`, however it got there. Raises OSError."""
    for path in (*folder.glob(f"{_PREFIX}*"), *folder.glob(f".{_PREFIX}*")):
        if path.name.lstrip(".").partition(".")[0] != f"{_PREFIX}{day}":
            path.unlink(missing_ok=True)


def keys(folder: Path) -> tuple[str, ...]:
    """The days that have a key file now."""
    return tuple(sorted(path.name.removeprefix(_PREFIX) for path in folder.glob(f"{_PREFIX}*")))


def _day_before(day: str) -> str:
    return (datetime.fromisoformat(day) - timedelta(days=1)).strftime("%Y-%m-%d")


def _left_s(now: datetime) -> float:
    """Seconds until the UTC day of `now` is over."""
    now = now.astimezone(UTC)
    end = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    return (end - now).total_seconds()


def _read_into(page: mmap.mmap, path: Path) -> int:
    """Read the file into the page; the bytes that it had."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        with memoryview(page) as view:
            _blank(page)
            return os.readv(descriptor, [view[:_WHOLE_BYTES]])
    finally:
        os.close(descriptor)


def _blank(page: mmap.mmap) -> None:
    page[:_WHOLE_BYTES] = bytes(_WHOLE_BYTES)


def _page() -> mmap.mmap:
    """One page of memory of its own: private, in no core dump and no child, not swapped if allowed."""
    page = mmap.mmap(-1, mmap.PAGESIZE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    page.madvise(mmap.MADV_DONTDUMP)
    page.madvise(mmap.MADV_DONTFORK)  # a child has no copy; it takes its own
    address = ctypes.addressof(ctypes.c_char.from_buffer(page))
    ctypes.CDLL(None, use_errno=True).mlock(ctypes.c_void_p(address), ctypes.c_size_t(mmap.PAGESIZE))
    return page


_ALL: weakref.WeakSet[DayKey] = weakref.WeakSet()


def _after_in_child() -> None:
    for one in list(_ALL):
        one.after_fork()


os.register_at_fork(after_in_child=_after_in_child)
