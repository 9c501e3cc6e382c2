"""Keys for Sentry SDKs: an SDK is told a DSN, `https://KEY@HOST/PROJECT`, and may then tell this installation errors.

A key opens nothing but that: no page, no answer with anything in it. It is meant to stand in a browser's page, so it is
no secret, and is shown to everybody who may see the pages; whoever has it can tell invented errors until it is revoked.
Rules: a project's number is never given again; making and revoking are leaves of the ledger, with the actor; a key that
was revoked is refused within `FRESH_S` in every process.
"""

from __future__ import annotations

import re
import secrets
import time
from dataclasses import dataclass
from datetime import datetime
from hmac import compare_digest
from urllib.parse import urlsplit

from sqlalchemy import select

from audit import record
from diffgram_home import ledger
from diffgram_home.errors import HomeError
from diffgram_home.home import Home
from diffgram_home.models import Dsn
from diffgram_home.settings import Web

FRESH_S = 1.0
MOST = 1_000
_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,59}")
_EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104  compared with, never listened on


class DsnError(HomeError):
    """A key cannot be made, shown or revoked."""


@dataclass(frozen=True, slots=True)
class Key:
    """One key. `number` is the project of its DSN, `label` what it is for, in the words of who made it."""

    number: int
    key: str
    label: str
    made_by: str
    made_at: datetime
    revoked_by: str | None
    revoked_at: datetime | None


def make(home: Home, label: str, actor: str, now: datetime) -> Key:
    """Make a key. Raises DsnError for a label that will not do, or when there are too many."""
    if not _LABEL.fullmatch(label):
        hint = "use letters, digits, blanks, '.', '_', '-', at most 60, such as 'shop web'"
        raise DsnError("label-unusable", "the label cannot be used", hint)
    with home.store.write() as session:
        if session.query(Dsn).count() >= MOST:
            raise DsnError("too-many", f"there are {MOST} keys already", "use one of them; 'dsn list' shows them")
        row = Dsn(key=secrets.token_hex(16), label=label, made_by=actor, made_at=now)
        session.add(row)
        session.flush()
        ledger.append(session, record.Dsn(at=record.instant(now), actor=actor, change="made", number=row.id))
        return _key(row)


def revoke(home: Home, number: int, actor: str, now: datetime) -> Key:
    """Revoke a key; raises DsnError if there is none of this number, or it was revoked before."""
    with home.store.write() as session:
        row = session.get(Dsn, number)
        if row is None:
            raise DsnError("dsn-unknown", f"there is no key of project {number}", "'diffgram-home dsn list' shows them")
        if row.revoked_at is not None:
            raise DsnError("dsn-revoked", f"the key of project {number} was revoked before", "nothing is to be done")
        row.revoked_by, row.revoked_at = actor, now
        ledger.append(session, record.Dsn(at=record.instant(now), actor=actor, change="revoked", number=row.id))
        return _key(row)


def every(home: Home) -> tuple[Key, ...]:
    """All keys, by number, the revoked ones too."""
    with home.store.read() as session:
        return tuple(_key(row) for row in session.scalars(select(Dsn).order_by(Dsn.id)))


def opens(home: Home, project: int, key: str) -> bool:
    """Whether `key` is the one of `project` and holds; what is revoked or made elsewhere is known within `FRESH_S`."""
    known = _holding(home).get(project, "")
    return bool(known) and compare_digest(known.encode(), key.encode("utf-8", "replace"))


def address(key: Key, at: str) -> str:
    """The DSN of a key for SDKs that reach this installation `at` `https://host:port`."""
    parts = urlsplit(at)
    return f"{parts.scheme}://{key.key}@{parts.netloc}{parts.path.rstrip('/')}/{key.number}"


def own(web: Web) -> str:
    """Where SDKs on this machine reach it. Raises DsnError where the settings do not say under which name."""
    if web.behind_proxy or web.address in _EVERYWHERE:
        hint = "give it with --at, such as --at https://home.example"
        raise DsnError("name-unknown", "the settings do not say under which address SDKs reach this installation", hint)
    host = f"[{web.address}]" if ":" in web.address else web.address
    return f"{'https' if web.certificate else 'http'}://{host}:{web.port}"


def _holding(home: Home) -> dict[int, str]:
    """Project → key of those that hold, read at most once in `FRESH_S` by each process."""
    kept: tuple[float, dict[int, str]] = home.cache.get("dsns", (-FRESH_S, {}))
    now_s = time.monotonic()
    if now_s - kept[0] < FRESH_S:
        return kept[1]
    with home.store.look() as connection:
        rows = connection.execute(select(Dsn.id, Dsn.key).where(Dsn.revoked_at.is_(None)))
        found = {int(number): str(key) for number, key in rows}
    home.cache["dsns"] = now_s, found
    return found


def _key(row: Dsn) -> Key:
    return Key(row.id, row.key, row.label, row.made_by, row.made_at, row.revoked_by, row.revoked_at)
