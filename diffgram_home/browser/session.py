"""Counts sessions without knowing anybody: `HMAC-SHA-256(daily key, site ‖ address ‖ user agent)` (design 11).

`count` is called for every request of a page that tells something: a ping, a visit, an error, a report. Address and
user agent live as long as the call. What is kept for the day, on a memory file system, is the hash with its classes
(`seen`); what is kept for longer are counts (`counts`). The same visitor has another hash at every site and every day.

Rules: nothing here raises into a request, and nothing is logged; what is not counted is refused by a word of
NOT_COUNTED, and the customer sees how often. Whoever asks not to be tracked (`Sec-GPC: 1` or `DNT: 1`) is not hashed at
all. With the kind off nothing is opened. `now` is given, never read.
"""

from __future__ import annotations

import ipaddress
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from werkzeug.wrappers import Request

from audit.types import TYPES
from diffgram_home import ways
from diffgram_home.browser import classes, memory, seen
from diffgram_home.browser.day_key import DayKey, KeyRefused, day_of
from diffgram_home.browser.memory import NoMemory
from diffgram_home.browser.seen import Entry, Seen
from diffgram_home.home import Home

KIND = "home/session"
NOT_COUNTED = ("asked-not", "no-address", "no-memory", "no-key", "too-many")
"""Why a request is no session: the visitor asked, the address is none, no memory file system, no key, a flood."""
MOST_OF_A_PROGRAM = 1_000_000
LONGEST_RELEASE = 40
_AGAIN = timedelta(minutes=1)
_making = threading.Lock()


@dataclass(frozen=True, slots=True)
class Visitor:
    """What a request shows of who sent it. Lives as long as the request; never printed (see `__repr__`)."""

    site: str
    address: str
    user_agent: str
    asks_not: bool = False

    def __repr__(self) -> str:
        """Nothing of a visitor gets into a log or a traceback."""
        return "Visitor(…)"


def of(home: Home) -> Sessions:
    """The counter of this process for an installation; made once."""
    with _making:
        if "sessions" not in home.cache:
            way, accepts = ways.way(home, "browser"), TYPES["version"].make({}, home.index)
            home.cache["sessions"] = Sessions(
                lambda: memory.folder(home.installation),
                lambda release: release if release and len(release) <= LONGEST_RELEASE and accepts(release) else "",
                lambda: way.collects(KIND),
                lambda word: way.refuse(KIND, word),
            )
        found: Sessions = home.cache["sessions"]
    return found


def visitor(request: Request) -> Visitor:
    """The visitor of a request: the site is the host of the page (Origin), or ours where the page is of our origin."""
    origin = _host(request.headers.get("Origin", ""))
    wishes = request.headers.get("Sec-GPC"), request.headers.get("DNT")
    agent = request.headers.get("User-Agent", "")
    return Visitor(origin or request.host, request.remote_addr or "", agent[: classes.LONGEST], "1" in wishes)


class Sessions:
    """The counter of one process. `folder` finds the memory file system; `release` says what a release leaves as."""

    def __init__(
        self,
        folder: Callable[[], Path],
        release: Callable[[str | None], str],
        collects: Callable[[], bool],
        refuse: Callable[[str], object],
    ) -> None:
        self._find, self._release, self._collects, self._refuse = folder, release, collects, refuse
        self._lock = threading.Lock()
        self._folder: Path | None = None
        self._again_at: datetime | None = None
        self._key: DayKey | None = None
        self._seen: tuple[str, Seen] | None = None

    def count(
        self,
        who: Visitor,
        now: datetime,
        *,
        release: str | None = None,
        viewport: int | None = None,
        errored: bool = False,
    ) -> bool:
        """Count the visitor's session of the day, once however often this is called; True if it counts.

        `viewport` is how many of the widths 576, 992, 1440 and 3840 the window reaches. Never raises.
        """
        if not self._collects():
            return False
        why = self._counted(who, now, self._release(release), classes.viewport(viewport), errored)
        if why:
            self._refuse(why)
        return not why

    def programs(self, now: datetime, *, release: str | None, sessions: int, errored: int) -> bool:
        """Add sessions that an SDK counted by itself in a program that is no browser; True if they count."""
        if not (self._collects() and 0 <= errored <= sessions <= MOST_OF_A_PROGRAM):
            return False
        try:
            self._table(now).add_programs(self._release(release), sessions, errored)
        except NoMemory:
            self._refuse("no-memory")
            return False
        except (OSError, sqlite3.Error):
            self._refuse("no-key")
            return False
        return True

    def _counted(self, who: Visitor, now: datetime, release: str, viewport: str, errored: bool) -> str:
        """Why the session does not count, or nothing."""
        if who.asks_not:
            return "asked-not"
        address = _address(who.address)
        if address is None:
            return "no-address"
        try:
            table = self._table(now)
            parts = who.site.encode("utf-8", "replace"), address, who.user_agent.encode("utf-8", "replace")
            digest = self._keys().digest(parts, now)
            kind = classes.of(who.user_agent)
            entry = Entry(digest, release, kind.browser, kind.major, kind.system, kind.device, viewport, errored)
            return "" if table.add(entry) else "too-many"
        except NoMemory:
            return "no-memory"
        except (KeyRefused, OSError, sqlite3.Error):
            return "no-key"

    def _table(self, now: datetime) -> Seen:
        day = day_of(now)
        with self._lock:
            if self._folder is None:
                self._folder = self._found(now)
            if self._seen is None or self._seen[0] != day:
                if self._seen is not None:
                    self._seen[1].close()
                seen.drop_before(self._folder, day)
                self._seen = day, Seen(self._folder, day)
            return self._seen[1]

    def _found(self, now: datetime) -> Path:
        """Look for the folder; not again within a minute where there was none."""
        if self._again_at is not None and self._again_at - _AGAIN <= now < self._again_at:
            raise NoMemory("sessions-no-memory", "no memory file system was found", "see `diffgram-home check`")
        self._again_at = now + _AGAIN
        return self._find()

    def _keys(self) -> DayKey:
        with self._lock:
            if self._key is None and self._folder is not None:
                self._key = DayKey(self._folder, over=self._day_over)
            if self._key is None:
                raise KeyRefused("no folder for the key")
            return self._key

    def _day_over(self) -> None:
        """At midnight: forget the hashes that are known here."""
        with self._lock:
            if self._seen is not None:
                self._seen[1].close()
            self._seen = None


def _address(text: str) -> bytes | None:
    """An address in its one form, so that ::ffff:192.0.2.1 is 192.0.2.1; None for what is no address."""
    try:
        found = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    plain = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return (plain or found).packed


def _host(origin: str) -> str:
    try:
        return urlsplit(origin).netloc.rpartition("@")[2].lower()[:253]
    except ValueError:
        return ""
