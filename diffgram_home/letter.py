"""A letter to an administrator about a release: what it says, its exact bytes, and reading them back. Opens nothing.

It holds the names of fields and kinds, words of a closed list for how each changed, the release, dates, and where to
look on this machine. Queueing and recording it is `mailing`'s, sending it the door's. Rules:

- No value: nothing that was collected here can get into a letter, since there is no place in it for one.
- `write(read(data)) == data`, and `read` takes nothing else: the door sends only what it has read.
- Printable ASCII in lines that end with CR LF (RFC 5322), none longer than 400 bytes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime

from audit.difference import ASPECTS, Change

PUBLISHED, INSTALLED, TEST = "published", "installed", "test"
ABOUT = (PUBLISHED, INSTALLED, TEST)
MOST_CHANGES = 200
"""Changes that a letter names; of more it says how many there are."""

_WORDS = frozenset({*ASPECTS, "changed"})
_SUBJECTS = {
    PUBLISHED: "a published release changes what may leave",
    INSTALLED: "an installed release changed what may leave",
    TEST: "this is a test",
}
_BEGIN = {
    PUBLISHED: "Published by corporate, compared with what is installed here:",
    INSTALLED: "Installed here, compared with what was decided about before:",
    TEST: "Nothing has changed. This letter shows that mail to you works.",
}
_END = {
    PUBLISHED: "Nothing changes before it is installed here, and what it adds stays here until it is approved.",
    INSTALLED: "This stays here until somebody with the role security approves it.",
    TEST: "There are no other letters than such tests, and those about releases that change what may leave.",
}
LOOK = {PUBLISHED: "releases", INSTALLED: "fields", TEST: "check"}
_HEAD = "Auto-Submitted: auto-generated\nMIME-Version: 1.0\nContent-Type: text/plain; charset=us-ascii"
_SHAPE = re.compile(
    r"From: (?P<sender>[!-~]{3,320})\nTo: (?P<to>[!-~]{3,320})\nDate: (?P<at>[ -~]{20,40})\n"
    r"Message-ID: <(?P<token>[0-9a-f]{32})@[!-~]{1,255}>\n[ -~\n]*?"
    r"Subject: \[diffgram-home (?P<name>[A-Za-z0-9.-]{1,60})\] (?P<subject>[a-z ]{1,80})\n\n"
    r"(?:Release: (?P<release>[!-~][ -~]{0,299})\n)?(?:Catalogue: (?P<catalogue>[0-9a-f]{64})\n)?"
    r"(?:Since: (?P<since>[0-9TZ:-]{20})\n\n)?"
    r"[ -~]+\n(?P<changes>(?:  [a-z ,]{1,120}: [a-z0-9./_-]{1,200}\n)*)(?:  and (?P<more>[1-9][0-9]{0,8}) more\n)?\n"
    r"[ -~]+\nLook: (?P<page>[ -~]{1,300}), or 'diffgram-home [a-z]+' on this machine\n"
)


@dataclass(frozen=True, slots=True)
class Letter:
    """One letter to one address. `token` is random (32 hex digits), `page` where to look, `name` the installation's.

    `since`: when it was published, or installed here. `changes` are (how, name) of fields and kinds, `more` how many
    are not named. A test has none of them, and no catalogue.
    """

    sender: str
    to: str
    at: datetime
    token: str
    name: str
    about: str
    page: str
    since: datetime | None = None
    release: str | None = None
    catalogue: str | None = None
    changes: tuple[tuple[str, str], ...] = ()
    more: int = 0


def told(changes: tuple[Change, ...]) -> tuple[tuple[tuple[str, str], ...], int]:
    """What a letter says of changes, and how many it leaves out. The details, which quote definitions, stay here."""
    named = tuple((", ".join(one.aspects) or one.what, one.name) for one in changes)
    return named[:MOST_CHANGES], max(0, len(named) - MOST_CHANGES)


def printable(release: str) -> str | None:
    """A release's name as a letter may hold it: the vendor chose it, and only printable ASCII is taken."""
    return release if re.fullmatch(r"[!-~][ -~]{0,299}", release) else None


def write(letter: Letter) -> bytes:
    """The exact bytes of the letter."""
    lines = [
        f"From: {letter.sender}",
        f"To: {letter.to}",
        f"Date: {format_datetime(letter.at.astimezone(UTC))}",
        f"Message-ID: <{letter.token}@{letter.sender.rpartition('@')[2]}>",
        *_HEAD.split("\n"),
        f"Subject: [diffgram-home {letter.name}] {_SUBJECTS[letter.about]}",
        "",
        *([f"Release: {letter.release}"] if letter.release else []),
        *([f"Catalogue: {letter.catalogue}"] if letter.catalogue else []),
        *([f"Since: {letter.since.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}", ""] if letter.since else []),
        _BEGIN[letter.about],
        *(f"  {how}: {name}" for how, name in letter.changes),
        *([f"  and {letter.more} more"] if letter.more else []),
        "",
        _END[letter.about],
        f"Look: {letter.page}, or 'diffgram-home {LOOK[letter.about]}' on this machine",
    ]
    return "".join(f"{line}\r\n" for line in lines).encode("ascii")


def read(data: bytes) -> Letter:
    """The letter that these bytes are. Raises ValueError for bytes that `write` would not make."""
    found = _SHAPE.fullmatch(data.decode("ascii").replace("\r\n", "\n"))
    about = {subject: about for about, subject in _SUBJECTS.items()}.get(found["subject"]) if found else None
    if found is None or about is None:
        raise ValueError("these bytes are no letter of this installation")
    pairs = tuple(_pair(line) for line in found["changes"].splitlines())
    letter = Letter(
        sender=found["sender"],
        to=found["to"],
        at=parsedate_to_datetime(found["at"]),
        token=found["token"],
        name=found["name"],
        about=about,
        page=found["page"],
        since=datetime.fromisoformat(found["since"]) if found["since"] else None,
        release=found["release"],
        catalogue=found["catalogue"],
        changes=pairs,
        more=int(found["more"] or 0),
    )
    if write(letter) != data:
        raise ValueError("these bytes are no letter of this installation")
    return letter


def _pair(line: str) -> tuple[str, str]:
    how, _, name = line.strip().partition(": ")
    if not set(how.split(", ")) <= _WORDS:
        raise ValueError("a letter names changes by words of one list")
    return how, name
