"""Takes requests of support from what corporate says beside a receipt; taking one is all, deciding is a person's.

Rules: with case `support` off nothing is looked at. A request counts if corporate's key for support signed it, for this
installation, within its time; what was seen before is not asked again, and the same id with other words is refused and
told. At most `MOST_PENDING` wait at once. Whatever corporate says, nothing here runs a route or sends anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import select
from sqlalchemy.orm import Session

from audit import support
from audit.errors import SignatureRefused
from diffgram_home import counting, rules
from diffgram_home.home import Home
from diffgram_home.models import SupportRequest
from diffgram_home.supporting import keeping

ASKED, REFUSED = "support-asked", "support-refused"
"""Notices: requests wait for a decision; something that came is none."""
MOST_AT_ONCE = 5
_SUBJECT = "corporate"
Keys = Callable[[bool], Mapping[str, Ed25519PublicKey]]


def hear(home: Home, said: Any, keys: Keys, now: datetime) -> int:
    """Take the requests in `said`, whatever it is; returns how many were new. Raises StoreError."""
    with home.store.read() as session:
        if rules.within(home, session, now).modes.cases[keeping.CASE] != "on":
            return 0
    if not isinstance(said, list) or len(said) > MOST_AT_ONCE or not all(isinstance(one, str) for one in said):
        _tell(home, "token-malformed", "what came as requests of support is no short list of texts", now)
        return 0
    return sum(_hear_one(home, token, keys, now) for token in said)


def _hear_one(home: Home, token: str, keys: Keys, now: datetime) -> bool:
    with home.store.read() as session:
        digest = support.digest(token) if token.isascii() else ""
        if session.scalar(select(SupportRequest.id).where(SupportRequest.sha256 == digest)):
            return False
        if keeping.pending(session) >= keeping.MOST_PENDING:
            return False
    try:
        asked = _read(home, token, keys, now)
    except SignatureRefused as error:
        _tell(home, error.code, str(error.args[0]), now)
        return False
    with home.store.write() as session:
        if session.get(SupportRequest, asked.id) is not None:
            differs = "corporate sent other words under the id of an earlier request"
        elif keeping.pending(session) >= keeping.MOST_PENDING:
            return False
        else:
            keeping.add(session, token, asked, now)
            tell_pending(keeping.pending(session), session, now)
            return True
    _tell(home, "support-differs", differs, now)
    return False


def tell_pending(number: int, session: Session, now: datetime) -> None:
    """Say how many requests wait now; inside a write transaction."""
    if not number:
        counting.end_notice(session, now, ASKED)
        return
    what = "1 request of support waits" if number == 1 else f"{number} requests of support wait"
    hint = "read it under Support, or run 'diffgram-home support requests'; unanswered it ends by itself"
    counting.reword(session, now, ASKED, "", f"{what} for a decision", hint)


def _read(home: Home, token: str, keys: Keys, now: datetime) -> support.Request:
    try:
        return support.hear(token, keys(False), home.installation, now)
    except SignatureRefused as error:
        if error.code != "key-unknown":
            raise
    return support.hear(token, keys(True), home.installation, now)


def _tell(home: Home, code: str, text: str, now: datetime) -> None:
    with home.store.write() as session:
        hint = "nothing was changed; ask corporate what it meant"
        counting.notice(session, now, REFUSED, _SUBJECT, f"a request of support was refused: {text} ({code})", hint)
