"""Letters to the administrators whom the settings name, about releases that change what may leave; and tests of it.

    change ─▶ row (exact bytes, an address) ─▶ mail leaf ─▶ SMTP ─▶ mailed leaf: accepted │ rejected │ unknown

What a letter says is `letter`'s, the connection the door's. Rules:

- A letter is queued in the transaction that tells of the change, once for each change and address, for ever.
- The leaf with the bytes' SHA-256 is durable before a name is looked up. What never left is tried again, ever more
  rarely, for GIVE_UP_AFTER; whatever may have arrived (`unknown`) is not: at most once, and `check` tells of it.
- Nothing here holds up the sending of batches: the scheduler has a thread of its own for it.
- Only addresses that the settings name at the moment of sending get anything.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit import record
from audit.difference import Change
from audit.published import Entry, parse
from diffgram_home import counting, egress, ledger, letter, locks, patience
from diffgram_home.errors import HomeError
from diffgram_home.exchange import DoorError, Unknown
from diffgram_home.home import Home
from diffgram_home.letter import INSTALLED, PUBLISHED, TEST, Letter
from diffgram_home.models import ACCEPTED, REJECTED, UNKNOWN, Listed, Mail
from diffgram_home.outbound import MailDoor

TIMEOUT_S = 30
FIRST_WAIT_S = 30.0
LONGEST_WAIT = timedelta(hours=4)
GIVE_UP_AFTER = timedelta(days=7)
FAILS, UNSURE = "mail-fails", "mail-unsure"
_LOCK = "mail.lock"
_log = logging.getLogger(__name__)
_LOOK = "look at [mail] in the settings, then try it with 'diffgram-home mail test'"
_AGAIN = f"it is tried again; {_LOOK}"
_UNSURE = "it is not sent again: see Releases and Fields, or 'diffgram-home releases', for what it says"


class MailError(HomeError):
    """There is no mail here, or somebody else sends just now."""


@dataclass(frozen=True, slots=True)
class Told:
    """What became of a letter: `outcome` is accepted, rejected or unknown; `text` and `hint` say why not accepted."""

    outcome: Literal["accepted", "rejected", "unknown"]
    code: str | None = None
    status: int | None = None
    text: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One letter in a list. `outcome` is accepted, rejected, unknown or waits; the leaves are those of the last try."""

    number: int
    outcome: str
    at: datetime
    to: str
    about: str
    subject: str
    code: str | None
    status: int | None
    tries: int
    sha256: str
    size_bytes: int
    leaf: int | None
    mailed_leaf: int | None


def open_door(home: Home) -> MailDoor | None:
    """The door to the mail server in the settings, or None if none is named."""
    named = home.settings.mail
    if named is None:
        return None
    return MailDoor(named, registry=egress.reachable(home.settings), timeout_s=TIMEOUT_S)


def published(home: Home, session: Session, entry: Entry, changes: Sequence[Change], now: datetime) -> None:
    """Queue the letters about a catalogue that corporate published; inside a write transaction."""
    since, release = datetime.fromisoformat(entry.at), letter.printable(entry.release)
    one = _letter(home, PUBLISHED, now)
    _queue(home, session, replace(one, since=since, release=release, catalogue=entry.catalogue), changes)


def installed(home: Home, session: Session, changes: Sequence[Change], now: datetime) -> None:
    """Queue the letters about the catalogue that is installed here now; inside a write transaction."""
    leaf = session.scalar(select(Listed.leaf).where(Listed.catalogue == home.catalogue.hash).limit(1))
    release = letter.printable(parse(leaf).release) if leaf else None
    one = _letter(home, INSTALLED, now)
    _queue(home, session, replace(one, since=one.at, release=release, catalogue=home.catalogue.hash), changes)


def send_due(home: Home, door: MailDoor | None, now: datetime) -> None:
    """Send what is due; a server that is not reached is not asked for the next letter. Raises StoreError."""
    if door is None:
        return
    with locks.alone(home.settings.folder / _LOCK) as alone:
        if not alone:
            return
        close_interrupted(home, now)
        for wanted in _due(home, now):
            if door.is_stopping or _try(home, door, wanted, now).status is None:
                return


def test(home: Home, door: MailDoor, actor: str, now: datetime) -> list[tuple[str, Told]]:
    """Send a test to each address now; what became of each. When one arrives, what waits is due at once.

    Raises MailError while somebody else sends, StoreError.
    """
    with locks.alone(home.settings.folder / _LOCK, wait_s=TIMEOUT_S) as alone:
        if not alone:
            raise MailError("mail-busy", "another process is sending mail", "try again in a moment", retry=True)
        close_interrupted(home, now)
        with home.store.write() as session:
            blank, token = _letter(home, TEST, now), secrets.token_hex(16)
            wanted = [(to, _put(session, replace(blank, to=to), token, actor)) for to in _to(home)]
        found = [(to, _try(home, door, number, now)) for to, number in wanted]
        if any(told.outcome == ACCEPTED for _, told in found):
            with home.store.write() as session:
                for row in _waiting(session):
                    row.next_try_at = None
        return found


def listed(home: Home) -> tuple[Line, ...]:
    """Every letter, newest first."""
    names = [name for name in Line.__dataclass_fields__ if name not in ("number", "outcome")]
    with home.store.read() as session:
        rows = list(session.scalars(select(Mail).order_by(Mail.id.desc())))
    return tuple(Line(row.id, row.outcome or "waits", *(getattr(row, name) for name in names)) for row in rows)


def exact(home: Home, number: int) -> bytes | None:
    """The exact bytes of a letter, or None if there is none, or they went by age."""
    with home.store.read() as session:
        return session.scalar(select(Mail.data).where(Mail.id == number))


def close_interrupted(home: Home, now: datetime) -> None:
    """Letters whose process ended before the answer; called while nobody sends."""
    with home.store.read() as session:
        found = list(session.scalars(select(Mail.id).where(Mail.under_way.is_(True))))
    if not found:
        return
    with home.store.write() as session:
        for one in found:
            row = session.get_one(Mail, one)
            text = "the process ended while it sent a letter"
            outcome, hint = (UNKNOWN, _UNSURE) if row.handed else (REJECTED, _AGAIN)
            _finish(session, row, Told(outcome, "interrupted", None, text, hint), now)


def _queue(home: Home, session: Session, one: Letter, changes: Sequence[Change]) -> None:
    material = tuple(change for change in changes if change.material)
    named, more = letter.told(material)
    wanted = select(Mail.to).where(Mail.about == one.about, Mail.subject == one.catalogue)
    for to in set(_to(home)).difference(session.scalars(wanted)) if material else ():
        _put(session, replace(one, to=to, changes=named, more=more), one.catalogue or "", "home")


def _to(home: Home) -> tuple[str, ...]:
    return home.settings.mail.to if home.settings.mail else ()


def _letter(home: Home, about: str, now: datetime) -> Letter:
    """A letter to nobody yet, with what all letters of this installation have."""
    sender = home.settings.mail.sender if home.settings.mail else ""
    page = f"{_pages(home)}/{letter.LOOK[about]}"
    return Letter(sender, "", now.replace(microsecond=0), "", home.settings.name, about, page)


def _pages(home: Home) -> str:
    web = home.settings.web
    host = f"[{web.address}]" if ":" in web.address else web.address
    return f"{'https' if web.certificate else 'http'}://{host}:{web.port}"


def _put(session: Session, one: Letter, subject: str, actor: str) -> int:
    """Keep a letter with its exact bytes, to be sent; returns its number."""
    data = letter.write(replace(one, token=secrets.token_hex(16)))
    row = Mail(about=one.about, subject=subject, to=one.to, actor=actor, at=one.at, size_bytes=len(data), tries=0)
    row.sha256, row.data = hashlib.sha256(data).hexdigest(), data
    session.add(row)
    session.flush()
    return row.id


def _waiting(session: Session) -> list[Mail]:
    return list(session.scalars(select(Mail).where(Mail.outcome.is_(None), Mail.about != TEST).order_by(Mail.id)))


def _due(home: Home, now: datetime) -> list[int]:
    """Numbers of the letters that are due; what the settings name no more, or waited too long, ends here."""
    with home.store.read() as session:
        waiting = _waiting(session)
    over = {row.id for row in waiting if row.to not in _to(home) or now - row.at > GIVE_UP_AFTER}
    if over:
        with home.store.write() as session:
            for row in (session.get_one(Mail, one) for one in over):
                row.outcome, row.ended_at = REJECTED, now
                row.code = "gave-up" if row.to in _to(home) else "not-in-settings"
    return [row.id for row in waiting if row.id not in over and (row.next_try_at is None or row.next_try_at <= now)]


def _try(home: Home, door: MailDoor, wanted: int, now: datetime) -> Told:
    with home.store.write() as session:
        row = session.get_one(Mail, wanted)
        row.leaf = _begin(session, row, door.destination, now)
        row.tries, row.under_way, row.handed, data = row.tries + 1, True, False, row.data or b""

    def on_hand() -> None:
        with home.store.write() as session:
            session.get_one(Mail, wanted).handed = True

    told = _given(door, data, on_hand)
    with home.store.write() as session:
        _finish(session, session.get_one(Mail, wanted), told, now)
    return told


def _begin(session: Session, row: Mail, destination: str, now: datetime) -> int:
    entry = record.Mail(
        about=row.about,  # type: ignore[arg-type]
        actor=row.actor,
        at=record.instant(now),
        catalogue=None if row.about == TEST else row.subject,
        destination=destination,
        sha256=row.sha256,
        size_bytes=row.size_bytes,
    )
    return ledger.append(session, entry)


def _given(door: MailDoor, data: bytes, on_hand: Callable[[], None]) -> Told:
    try:
        taken = door.send_letter(data, on_hand)
    except Unknown as error:
        return Told(UNKNOWN, error.code, None, f"a letter may have arrived: {error.args[0]}", _UNSURE)
    except DoorError as error:
        return Told(REJECTED, error.code, None, f"no letter could be sent: {error.args[0]}", _AGAIN)
    if taken.refused is None:
        return Told(ACCEPTED, None, taken.status)
    text = f"the mail server refused the {taken.refused}: {taken.status}"
    return Told(REJECTED, f"{taken.refused}-refused", taken.status, text, _AGAIN)


def _finish(session: Session, row: Mail, told: Told, now: datetime) -> None:
    entry = record.Mailed(
        at=record.instant(now), code=told.code, mail=row.leaf or 0, outcome=told.outcome, status=told.status
    )
    row.mailed_leaf = ledger.append(session, entry)
    row.under_way, row.code, row.status = False, told.code, told.status
    if told.outcome == REJECTED:
        if counting.notice(session, now, FAILS, "", told.text, told.hint):
            _log.warning("%s (%s)", told.text, told.code)
        row.next_try_at = now + patience.wait(row.tries, FIRST_WAIT_S, LONGEST_WAIT)
    if told.outcome == UNKNOWN:
        counting.notice(session, now, UNSURE, str(row.id), told.text, told.hint)
    if told.outcome == ACCEPTED:
        counting.end_notice(session, now, FAILS)
        counting.end_notice(session, now, UNSURE)
    if told.outcome != REJECTED or row.about == TEST:
        row.outcome, row.ended_at = told.outcome, now
    session.flush()
