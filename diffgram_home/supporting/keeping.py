"""Requests of support as they are stored here, each with what became of it; and the leaves that tell the same.

    pending ──approve──▶ granted ──revoke, end by date, off, clock──▶ ended
       ├────refuse─────▶ refused
       └────nobody came, or off──▶ lapsed

No state is ever left for an earlier one: what a clock or corporate says later brings nothing back. Rows stay.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, Literal

import msgspec
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from audit import record, support
from diffgram_home import ledger
from diffgram_home.errors import HomeError
from diffgram_home.home import Home
from diffgram_home.models import SupportRequest

PENDING, GRANTED, REFUSED, LAPSED, ENDED = "pending", "granted", "refused", "lapsed", "ended"
LIVE: Final = (PENDING, GRANTED)
MOST_PENDING: Final = 20
"""More requests do not wait here at once: those that come then are not taken, and come again while they last."""
CASE: Final = "support"
HOME, CORPORATE = "home", "corporate"
Step = Literal["asked", "refused", "lapsed", "granted", "ended"]


class SupportError(HomeError):
    """A request cannot be decided about so, or a route cannot be asked."""


def add(session: Session, token: str, asked: support.Request, now: datetime) -> None:
    """Keep a request that was verified; inside a write transaction."""
    session.add(
        SupportRequest(
            id=asked.id,
            sha256=support.digest(token),
            document=token,
            asked=msgspec.json.encode(asked, order="sorted").decode(),
            taken_at=now,
            expires_at=support.moment(asked.expires_at),
            state=PENDING,
        )
    )
    note(session, asked.id, "asked", CORPORATE, now, document=token, routes=asked.routes)


def note(
    session: Session,
    request: str,
    step: Step,
    actor: str,
    now: datetime,
    *,
    role: str | None = None,
    code: str | None = None,
    document: str | None = None,
    grant: str | None = None,
    routes: Sequence[str] = (),
) -> None:
    """Append the leaf of one step."""
    entry = record.Support(
        actor=actor,
        at=record.instant(now),
        code=code,
        document=document,
        grant=grant,
        request=request,
        role=role,  # type: ignore[arg-type]
        routes=list(routes),
        step=step,
    )
    ledger.append(session, entry)


def asked_of(row: SupportRequest) -> support.Request:
    """What the row's document says."""
    return msgspec.json.decode(row.asked, type=support.Request)


def granted_of(row: SupportRequest) -> frozenset[str]:
    """The routes that were granted; none without a grant."""
    if row.grant_document is None:
        return frozenset()
    return frozenset(support.granted_unverified(row.grant_document).routes)


def covered(row: SupportRequest) -> list[int]:
    """The rows of the batches that answer it."""
    return [int(number) for number in (row.batches or "").split(",") if number]


def pending(session: Session) -> int:
    """How many requests wait."""
    return session.scalar(select(func.count()).where(SupportRequest.state == PENDING)) or 0


def found(session: Session, request: str) -> SupportRequest:
    """The request of this id, or of the only id that begins so. Raises SupportError."""
    if len(request) >= 6:
        rows = list(session.scalars(select(SupportRequest).where(SupportRequest.id.startswith(request)).limit(2)))
        if len(rows) == 1:
            return rows[0]
    hint = "'diffgram-home support requests' lists them; name at least the first six digits"
    raise SupportError("request-unknown", f"no request of support is named {request[:32]!r}", hint)


def longest(home: Home) -> timedelta:
    """The longest that policy lets a grant last."""
    return timedelta(hours=home.settings.support.longest_h)
