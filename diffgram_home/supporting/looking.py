"""What pages and commands show of support: who asks for what and why, what was decided, every use, every byte.

Reads only, one snapshot each; but `preview` asks the routes, as an approval would, and keeps nothing of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from diffgram_home import rules
from diffgram_home.home import Home
from diffgram_home.models import Batch, SupportRequest, SupportUse
from diffgram_home.supporting import answering, keeping, resources
from diffgram_home.supporting.keeping import LIVE
from support_routes import Routes

MOST = 200


@dataclass(frozen=True, slots=True)
class RouteLine:
    """A route that was asked: what it tells, or None where there is no such route here; whether it was granted."""

    name: str
    brief: str | None
    reads: tuple[str, ...]
    granted: bool


@dataclass(frozen=True, slots=True)
class Use:
    """A route that answered under the grant: in which batch, with how many messages, at which leaf of the ledger."""

    at: datetime
    route: str
    outcome: str
    messages: int
    leaf: int
    batch: int


@dataclass(frozen=True, slots=True)
class Bytes:
    """A batch of an answer: the hash of its exact bytes, and where it stands."""

    id: int
    sha256: str
    sequence: int
    state: str
    messages: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Asked:
    """One request. `lasts` is what was asked, `most` what a grant can last; `requester` is the thumbprint of a key."""

    id: str
    state: str
    requester: str
    role: str
    name: str | None
    reason: str
    ticket: str
    lasts: timedelta
    most: timedelta
    extends: str | None
    taken_at: datetime
    expires_at: datetime
    routes: tuple[RouteLine, ...]
    decided_at: datetime | None
    decided_by: str | None
    why: str | None
    note: str | None
    grant: str | None
    starts_at: datetime | None
    ends_at: datetime | None
    ended_at: datetime | None
    uses: tuple[Use, ...]
    batches: tuple[Bytes, ...]


@dataclass(frozen=True, slots=True)
class Preview:
    """What one route would answer now: its messages as lines, before the gate."""

    route: str
    outcome: str
    lines: tuple[str, ...]


def requests(home: Home) -> tuple[Asked, ...]:
    """What waits for a decision, and grants that hold, oldest first."""
    with home.store.read() as session:
        wanted = select(SupportRequest).where(SupportRequest.state.in_(LIVE)).order_by(SupportRequest.taken_at)
        return _all(home, session, session.scalars(wanted).all())


def history(home: Home, limit: int = MOST) -> tuple[Asked, ...]:
    """Every request that ever came, newest first; none is ever deleted."""
    with home.store.read() as session:
        wanted = select(SupportRequest).order_by(SupportRequest.taken_at.desc(), SupportRequest.id).limit(limit)
        return _all(home, session, session.scalars(wanted).all())


def one(home: Home, request: str) -> Asked:
    """A request by its id or the beginning of it. Raises SupportError."""
    with home.store.read() as session:
        return _all(home, session, [keeping.found(session, request)])[0]


def preview(home: Home, request: str, now: datetime) -> tuple[Preview, ...]:
    """What each route that was asked and exists would answer now. Raises SupportError."""
    with home.store.read() as session:
        asked = keeping.asked_of(keeping.found(session, request))
    answers = answering.ask(home, asked, asked.routes, now, resources.routes_of(home))
    return tuple(
        Preview(one.route, one.outcome, tuple(msgspec.json.encode(message).decode() for message in one.messages))
        for one in answers
    )


def is_on(home: Home, now: datetime) -> bool:
    """Whether support may ask at all."""
    with home.store.read() as session:
        return rules.within(home, session, now).modes.cases[keeping.CASE] == "on"


def documents(home: Home, request: str) -> dict[str, str | None]:
    """The signed documents of a request: corporate's, our grant, our ending. Raises SupportError."""
    with home.store.read() as session:
        row = keeping.found(session, request)
        return {"request": row.document, "grant": row.grant_document, "ending": row.ending_document}


def _all(home: Home, session: Session, rows: Sequence[SupportRequest]) -> tuple[Asked, ...]:
    routes = resources.routes_of(home)
    return tuple(_asked(home, session, row, routes) for row in rows)


def _asked(home: Home, session: Session, row: SupportRequest, routes: Routes) -> Asked:
    asked = keeping.asked_of(row)
    uses = session.scalars(select(SupportUse).where(SupportUse.request_id == row.id).order_by(SupportUse.id)).all()
    granted = keeping.granted_of(row)
    lasts = timedelta(seconds=asked.seconds)
    return Asked(
        row.id,
        row.state,
        asked.requester,
        asked.role,
        asked.name,
        asked.reason,
        asked.ticket,
        lasts,
        min(lasts, keeping.longest(home)),
        asked.extends,
        row.taken_at,
        row.expires_at,
        tuple(_route(name, name in granted, routes) for name in asked.routes),
        row.decided_at,
        row.decided_by,
        row.why,
        row.note,
        row.grant_id,
        row.starts_at,
        row.ends_at,
        row.ended_at,
        tuple(Use(use.at, use.route, use.outcome, use.messages, use.leaf, use.batch_id) for use in uses),
        tuple(_bytes(session.get_one(Batch, number)) for number in keeping.covered(row)),
    )


def _route(name: str, granted: bool, routes: Routes) -> RouteLine:
    known = routes.get(name)
    return RouteLine(name, known.brief if known else None, known.reads if known else (), granted)


def _bytes(batch: Batch) -> Bytes:
    """The bytes that were made, also when a void stands in their place now."""
    sha256 = batch.voided_sha256 or batch.sha256
    return Bytes(batch.id, sha256, batch.sequence, batch.state, batch.messages, batch.size_bytes)
