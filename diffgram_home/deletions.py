"""What was asked to be deleted at corporate, what came of it, and which bodies it concerns; changes nothing.

Asking, sending and taking in statements are `deleting`'s. Rules: a statement is shown only while its signature holds by
the keys that corporate ever had; what is kept here is never touched by what corporate deleted.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from audit import deletion, gate
from audit.deletion import Scope
from audit.errors import Refused, SignatureRefused
from diffgram_home import facts, manifest, requests
from diffgram_home.home import Home
from diffgram_home.models import ACCEPTED, Deleted, Deletion, Request

WANTED = "wanted"
"""A fact: numbers of requests that a person on a page asked to be sent now."""
OTHERWISE = "answered-otherwise"
"""The code of a request that got no answer of its own: by another statement corporate deleted everything."""
UNDER_WAY, ANSWERED, REFUSED, UNANSWERED = "asked", "answered", "refused", "unanswered"


@dataclass(frozen=True, slots=True)
class Asked:
    """One request for deletion with what became of it, or a statement that came without one.

    `request` and `held` are the numbers of the request and of the kept statement; `state` is asked (it is about to be
    sent), answered (corporate's statement is here), refused (trying again cannot help), or unanswered.
    """

    request: int | None
    held: int | None
    scope: Scope
    field: str | None
    at: datetime
    actor: str
    tries: int
    outcome: str | None
    code: str | None
    detail: str | None
    final: bool
    wanted: bool
    statement: deletion.Deletion | None
    document: str | None
    agrees: bool | None

    @property
    def state(self) -> str:
        """Where it stands."""
        if self.outcome == ACCEPTED or self.code == OTHERWISE:
            return ANSWERED
        if self.final:
            return REFUSED
        return UNDER_WAY if self.wanted else UNANSWERED


@dataclass(frozen=True, slots=True)
class Mark:
    """That corporate says to have deleted a body, or to have taken a field from it (`whole` is false), and when."""

    at: datetime
    whole: bool


def listed(home: Home, limit: int | None = None) -> list[Asked]:
    """Requests for deletion and statements, newest first; all of them, or the `limit` newest."""
    with home.store.read() as session:
        held = {row.request_id: row for row in session.scalars(select(Deletion)) if row.request_id is not None}
        wanted = select(Request).where(Request.kind == deletion.KIND).order_by(Request.id.desc()).limit(limit)
        now = set(facts.get(session, WANTED, []))
        found = [_asked(home, session, row, held.get(row.id), row.id in now) for row in session.scalars(wanted)]
        unasked = select(Deletion).where(Deletion.request_id.is_(None)).order_by(Deletion.id.desc()).limit(limit)
        found += [_told(home, row) for row in session.scalars(unasked)]
    return sorted(found, key=lambda one: one.at, reverse=True)[:limit]


def count(home: Home) -> int:
    """How many requests and statements there are."""
    unasked = select(func.count()).where(Deletion.request_id.is_(None)).select_from(Deletion)
    with home.store.read() as session:
        asked = session.scalar(select(func.count()).where(Request.kind == deletion.KIND)) or 0
        return asked + (session.scalar(unasked) or 0)


def document(home: Home, held: int) -> str | None:
    """The kept statement with this number, a compact JWS, or None."""
    with home.store.read() as session:
        row = session.get(Deletion, held)
        return None if row is None else row.document


def body(home: Home, request: int) -> bytes | None:
    """The exact bytes of the request for deletion with this number, or None."""
    with home.store.read() as session:
        row = session.get(Request, request)
        return None if row is None or row.kind != deletion.KIND else requests.body(session, row)


def deleted(session: Session, hashes: Iterable[str]) -> dict[str, datetime]:
    """Which of these bodies corporate says to have deleted, or altered, and when."""
    return {sha256: mark.at for sha256, mark in _marks(session, hashes).items()}


def marks(home: Home, hashes: Iterable[str]) -> dict[str, Mark]:
    """What to say beside these bodies: that corporate deleted them, or took a field from them."""
    with home.store.read() as session:
        return _marks(session, hashes)


def words(scope: Scope) -> str:
    """What a scope means, for a sentence."""
    if scope.what == deletion.BATCH:
        return f"the batch {scope.batch}"
    if scope.what == deletion.FIELD:
        return "one field in all messages"
    if scope.what == deletion.CASE:
        return f"the case '{scope.case}'"
    if scope.what == deletion.RANGE:
        case = f" of the case '{scope.case}'" if scope.case else ""
        return f"what was sealed from {scope.from_:%Y-%m-%d %H:%M:%S} until {scope.until:%Y-%m-%d %H:%M:%S}{case}"
    return "everything" if scope.what == deletion.EVERYTHING else "everything, and this installation's own name"


def field_of(home: Home, scope: Scope) -> str | None:
    """The name of the field that a scope means, where a definition of it is known here."""
    return next((field.name for field in home.catalogue.fields.values() if field.hash == scope.field), None)


def _marks(session: Session, hashes: Iterable[str]) -> dict[str, Mark]:
    wanted = select(Deleted.sha256, Deletion.deleted_at, Deletion.what).join(
        Deletion, Deletion.id == Deleted.deletion_id
    )
    found = session.execute(wanted.where(Deleted.sha256.in_(list(hashes))))
    return {sha256: Mark(at, what != deletion.FIELD) for sha256, at, what in found}


def _asked(home: Home, session: Session, row: Request, held: Deletion | None, wanted: bool) -> Asked:
    exact = requests.body(session, row)
    scope = Scope("unknown") if exact is None else deletion.scope_of(gate.check_request(exact, home.catalogue))
    return Asked(
        request=row.id,
        held=None if held is None else held.id,
        scope=scope,
        field=field_of(home, scope) if scope.field else None,
        at=row.at,
        actor=row.actor,
        tries=row.tries,
        outcome=row.outcome,
        code=row.code,
        detail=row.detail,
        final=row.final,
        wanted=wanted or row.under_way,
        statement=None if held is None else _statement(home, held.document),
        document=row.document,
        agrees=None if held is None else held.agrees,
    )


def _told(home: Home, row: Deletion) -> Asked:
    found = _statement(home, row.document)
    scope = Scope("unknown") if found is None else found.scope
    return Asked(
        request=None,
        held=row.id,
        scope=scope,
        field=field_of(home, scope) if scope.field else None,
        at=row.deleted_at,
        actor="corporate",
        tries=0,
        outcome=ACCEPTED,
        code=None,
        detail=None,
        final=True,
        wanted=False,
        statement=found,
        document=row.document,
        agrees=row.agrees,
    )


def _statement(home: Home, document: str) -> deletion.Deletion | None:
    try:
        return deletion.read(document, manifest.keys_ever(home, manifest.DELETIONS) or {})
    except (SignatureRefused, Refused):
        return None
