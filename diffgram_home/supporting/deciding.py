"""Decides about requests of support: approve, refuse, revoke, end all; and ends by itself what is over.

What a grant may be is `audit.support`'s, what is answered `answering`'s. Rules:

- A grant needs the role `security`; refusing, revoking and ending all support any role that may change things.
- Approving asks the routes, seals the answer and shows it. It leaves only when its very bytes were approved as well.
- What ends a grant voids its batches that have not left, in the same transaction; their messages go in no other.
- Ending all support switches the case off, so that no request is heard until somebody switches it on again.
- A clock that goes back by more than CLOCK_SLACK ends every grant: else it could be made to last.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit import support
from audit.approval import REASONS
from audit.modes import ALL_OFF
from diffgram_home import approving, facts, rules, switching
from diffgram_home.errors import PeopleError
from diffgram_home.home import Home
from diffgram_home.models import QUEUED, Batch, SupportRequest
from diffgram_home.sealing import Made
from diffgram_home.supporting import answering, hearing, keeping, resources
from diffgram_home.supporting.keeping import CASE, ENDED, GRANTED, LAPSED, LIVE, PENDING, REFUSED, SupportError
from support_routes import Routes

ROLE = "security"
MAY_END = ("admin", "security", "operator")
CLOCK_SLACK = timedelta(minutes=5)
_CLOCK = "support_clock"  # a fact: the latest moment at which a grant was seen to hold
_CLOCK_STEP = timedelta(seconds=60)
MOST_NOTE = 500


@dataclass(frozen=True, slots=True)
class Decided:
    """What was decided, and the batches that tell it to corporate once somebody has approved their bytes."""

    request: str
    state: str
    grant: support.Grant | None
    made: tuple[Made, ...]


def approve(
    home: Home,
    request: str,
    actor: str,
    role: str,
    now: datetime,
    *,
    routes: Collection[str] | None = None,
    lasts: timedelta | None = None,
    known: Routes | None = None,
) -> Decided:
    """Grant these of the routes that were asked (None: all that exist here), for so long (None: as long as may be).

    Raises PeopleError for another role, SupportError for what cannot be granted, StoreError. Nothing has left after it.
    """
    if role != ROLE:
        raise PeopleError("role-missing", f"the role '{role}' may not grant support", "ask somebody with 'security'")
    with home.store.read() as session:
        row = _decidable(home, session, request, now)
        asked, token = keeping.asked_of(row), row.document
        before = _extended(session, asked)
    known = resources.routes_of(home) if known is None else known
    chosen = tuple(name for name in asked.routes if name in known and (routes is None or name in routes))
    wanted = frozenset(routes or ())
    if not chosen or not wanted <= set(chosen):
        hint = "choose one or more of the routes that were asked and exist here: 'diffgram-home support requests'"
        raise SupportError("routes-unknown", "no such routes can be granted; nothing changed", hint)
    most = min(keeping.longest(home), timedelta(seconds=asked.seconds))
    allowed = support.Allowed(secrets.token_hex(16), chosen, most if lasts is None else lasts, before)
    try:
        grant = support.grant(token, asked, allowed, keeping.longest(home), now)
    except ValueError as error:
        hint = f"at most {most} for this request; [support] longest_h is the longest of all"
        raise SupportError("grant-too-wide", str(error), hint) from error
    answers = answering.ask(home, asked, chosen, now, known)
    signed = support.sign_grant(grant, home.keys.installation)
    with home.store.write() as session:
        row = _decidable(home, session, request, now)
        row.state, row.decided_at, row.decided_by = GRANTED, now, actor
        row.grant_id, row.grant_document = grant.id, signed
        row.starts_at, row.ends_at = support.moment(grant.starts_at), support.moment(grant.ends_at)
        keeping.note(
            session, row.id, "granted", actor, now, role=role, document=signed, grant=grant.id, routes=grant.routes
        )
        told = answering.decided_message(row.id, "granted", now, grant)
        made = answering.seal(home, session, told, answers, now)
        answering.note(session, grant, answers, made[0], actor, now)
        _cover(session, row, made)
        facts.put(session, _CLOCK, now.isoformat())
        hearing.tell_pending(keeping.pending(session), session, now)
    return Decided(row.id, GRANTED, grant, tuple(made))


def refuse(home: Home, request: str, actor: str, role: str, reason: str, now: datetime, *, note: str = "") -> Decided:
    """Refuse a request for one of `audit.approval.REASONS`; `note` stays here. Raises as `approve`, and ValueError."""
    _check_role(role)
    if reason not in REASONS:
        raise ValueError(f"'{reason}' is no reason; give one of {', '.join(REASONS)}")
    if len(note) > MOST_NOTE or not note.isprintable():
        hint = f"use at most {MOST_NOTE} letters, without line feeds"
        raise SupportError("note-unusable", "the note cannot be recorded as it is; nothing changed", hint)
    with home.store.write() as session:
        row = _decidable(home, session, request, now)
        row.state, row.decided_at, row.decided_by, row.why, row.note = REFUSED, now, actor, reason, note or None
        keeping.note(session, row.id, "refused", actor, now, role=role, code=reason)
        hearing.tell_pending(keeping.pending(session), session, now)
    return Decided(row.id, REFUSED, None, _told(home, row.id, "refused", reason, now))


def revoke(home: Home, request: str, actor: str, role: str, now: datetime) -> Decided:
    """End a grant at once: what has not left does not leave any more. Raises as `approve`."""
    _check_role(role)
    with home.store.write() as session:
        row = keeping.found(session, request)
        if row.state != GRANTED:
            raise SupportError("no-grant", f"no grant holds for request {row.id[:8]}; nothing changed", "see history")
        _end(home, session, row, "revoked", actor, role, now)
    return Decided(row.id, ENDED, None, _told(home, row.id, "ended", "revoked", now))


def stop(home: Home, actor: str, role: str, now: datetime) -> int:
    """End all support until somebody switches the case on again; returns how much ended. Raises as `approve`.

    Corporate is told nothing of it: what it asked ends for it by its date.
    """
    _check_role(role)
    with home.store.write() as session:
        ended = _end_all(home, session, "off", actor, role, now)
    switching.set_mode(home, CASE, None, "off", actor, now)
    return ended


def attend(home: Home, now: datetime) -> int:
    """The scheduler's stage: end what is over, by date, by the case's mode, by a clock that went back."""
    with home.store.read() as session:
        wanted = select(SupportRequest.id).where(SupportRequest.state.in_(LIVE)).limit(1)
        if session.scalar(wanted) is None:
            return 0
    with home.store.write() as session:
        modes = rules.within(home, session, now).modes
        if modes == ALL_OFF:
            return 0  # the settings cannot be read: nothing goes, and nothing is given up either
        if modes.cases[CASE] != "on":
            return _end_all(home, session, "off", keeping.HOME, None, now)
        ended = _clock(home, session, now)
        for row in session.scalars(select(SupportRequest).where(SupportRequest.state.in_(LIVE))):
            over = row.expires_at if row.state == PENDING else row.ends_at
            if over is not None and over <= now:
                _end(home, session, row, "expired", keeping.HOME, None, now)
                ended += 1
        hearing.tell_pending(keeping.pending(session), session, now)
    return ended


def _clock(home: Home, session: Session, now: datetime) -> int:
    """End every grant when the clock went back; else remember how far it has come."""
    live = list(session.scalars(select(SupportRequest).where(SupportRequest.state == GRANTED)))
    mark = datetime.fromisoformat(facts.get(session, _CLOCK, now.isoformat()))
    if live and now < mark - CLOCK_SLACK:
        for row in live:
            _end(home, session, row, "clock", keeping.HOME, None, now)
        facts.put(session, _CLOCK, now.isoformat())
        return len(live)
    if live and now > mark + _CLOCK_STEP:
        facts.put(session, _CLOCK, now.isoformat())
    return 0


def _end_all(home: Home, session: Session, why: str, actor: str, role: str | None, now: datetime) -> int:
    rows = list(session.scalars(select(SupportRequest).where(SupportRequest.state.in_(LIVE))))
    for row in rows:
        _end(home, session, row, why, actor, role, now)
    hearing.tell_pending(0, session, now)
    return len(rows)


def _end(
    home: Home, session: Session, row: SupportRequest, why: str, actor: str, role: str | None, now: datetime
) -> None:
    """A pending request lapses, a grant ends; its batches that wait are voided."""
    if row.state == PENDING:
        row.state, row.ended_at, row.why = LAPSED, now, why
        keeping.note(session, row.id, "lapsed", actor, now, role=role, code=why)
        return
    row.state, row.ended_at, row.why = ENDED, now, why
    ending = support.Ending(
        ended_at=support.text(now),
        grant=str(row.grant_id),
        installation=home.installation,
        why=why,  # type: ignore[arg-type]
    )
    row.ending_document = support.end(ending, home.keys.installation)
    keeping.note(
        session, row.id, "ended", actor, now, role=role, code=why, document=row.ending_document, grant=row.grant_id
    )
    session.flush()
    for batch in session.scalars(select(Batch).where(Batch.id.in_(keeping.covered(row)), Batch.state == QUEUED)):
        approving.end(home, session, batch, now)


def _cover(session: Session, row: SupportRequest, made: list[Made]) -> None:
    """Remember which batches go under a grant: numbers of rows, in order."""
    row.batches = ",".join(str(one.id) for one in made)
    session.flush()


def _told(home: Home, request: str, decision: str, why: str, now: datetime) -> tuple[Made, ...]:
    """A batch that tells corporate of it, where one may leave at all; it waits to be read, as all of support."""
    try:
        with home.store.write() as session:
            message = answering.decided_message(request, decision, now, why=why if why != "other" else None)
            return tuple(answering.seal(home, session, message, (), now))
    except SupportError:
        return ()  # not told: corporate sees that it ends


def _decidable(home: Home, session: Session, request: str, now: datetime) -> SupportRequest:
    row = keeping.found(session, request)
    if row.state != PENDING or row.expires_at <= now:
        hint = "'diffgram-home support history' says what became of it"
        raise SupportError("decided", f"request {row.id[:8]} waits for no decision; nothing changed", hint)
    if rules.within(home, session, now).modes.cases[CASE] != "on":
        hint = "'diffgram-home on support' lets support ask; nothing leaves by that alone"
        raise SupportError("support-off", "support is off; nothing changed", hint)
    return row


def _extended(session: Session, asked: support.Request) -> str | None:
    """The grant that a new one follows, if there is such a grant."""
    row = session.get(SupportRequest, asked.extends) if asked.extends else None
    return row.grant_id if row is not None else None


def _check_role(role: str) -> None:
    if role not in MAY_END:
        hint = f"ask somebody with one of: {', '.join(MAY_END)}"
        raise PeopleError("role-missing", f"the role '{role}' may not decide about support", hint)
