"""Unexpected Data Transfers: what arrived at corporate undeclared, or tried to leave here, as timelines.

The seed says "promptly reported and deleted"; an incident is that sentence with times and proofs: noticed, told,
deleted, closed, each a leaf of the ledger. What corporate's statement says is `audit.incident`'s; asking corporate to
delete is the requests'. Rules:

- Key paths up to the last declared key, names of fences, and counts; never content.
- The same thing at the same place again adds to the incident that is open, so that a loop cannot fill the ledger.
- Only a person closes an incident.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit import record
from audit.incident import Incident as Stated
from diffgram_home import counting, ledger, views
from diffgram_home.errors import HomeError
from diffgram_home.home import Home
from diffgram_home.models import ACCEPTED, Deletion, Incident, Request

TRIPWIRE, CORPORATE, CUSTOMER = "tripwire", "corporate", "customer"
NOTICE = "undeclared-transfer"
MOST_PATHS = 200
TOKEN_DIGITS = 32
_PATH = re.compile(r"[!-~]{1,200}")
_HINT = "read it under Incidents, find what made it, and close it there, or with 'diffgram-home incident close'"
_Step = tuple[datetime | None, int | None]
_TEXTS: Mapping[str, str] = {
    TRIPWIRE: "something in this installation tried to reach a place that is not declared; it was refused here",
    CORPORATE: "corporate received something that no catalogue declares, and kept nothing of it",
    CUSTOMER: "somebody here declared that something should not have left",
}


class IncidentError(HomeError):
    """An incident cannot be found or closed."""


def open(session: Session, source: str, paths: Mapping[str, int], now: datetime, *, actor: str = "home") -> str:
    """Open an incident, or add to the one that is open for the same source and paths; returns its id (32 hex digits).

    `source` is TRIPWIRE, CORPORATE or CUSTOMER; `paths` are key paths or names of fences, with counts. Inside a write
    transaction.
    """
    told = clean(paths)
    found = _open_one(session, source, told)
    if found is None:
        found = begin(session, secrets.token_hex(16), source, told, now, actor=actor)
    else:
        before = json.loads(found.paths)
        found.paths = _text({path: before[path] + count for path, count in told.items()})
        found.count, found.last_at = found.count + 1, now
    tell(session, source, found.token, now)
    return found.token


def begin(
    session: Session,
    token: str,
    source: str,
    paths: Mapping[str, int],
    now: datetime,
    *,
    actor: str = "home",
    document: str | None = None,
) -> Incident:
    """Make the incident `token` with its first step; inside a write transaction."""
    row = Incident(token=token, source=source, paths=_text(paths), count=1, noticed_at=now, last_at=now)
    row.noticed_leaf = step(session, row, "noticed", actor, now, document=document)
    session.add(row)
    session.flush()
    return row


def told(
    session: Session, stated: Stated | None, paths: Mapping[str, int], document: str | None, now: datetime
) -> Incident:
    """Corporate said in an answer that it received something undeclared; `stated` is its verified statement, if any.

    With a statement three steps are proved at once: it arrived, we were told, and nothing of it was stored.
    """
    token = stated.incident if stated else secrets.token_hex(16)
    known = session.scalar(select(Incident).where(Incident.token == token))
    if known is not None:
        known.count, known.last_at = known.count + 1, now
        return known
    row = begin(session, token, CORPORATE, clean(paths), now, actor="corporate", document=document)
    row.told_at, row.told_leaf = now, step(session, row, "told", "corporate", now)
    if stated is not None:
        row.noticed_at, row.statement = stated.arrived_at, document
        row.deleted_at, row.deleted_leaf = stated.arrived_at, step(session, row, "deleted", "corporate", now)
    tell(session, CORPORATE, token, now)
    return row


def step(session: Session, row: Incident, name: str, actor: str, now: datetime, *, document: str | None = None) -> int:
    """Append one step to the ledger; returns the leaf."""
    entry = record.Incident(
        at=record.instant(now),
        actor=actor,
        document=document,
        incident=row.token,
        paths=json.loads(row.paths),
        source=row.source,  # type: ignore[arg-type]
        step=name,  # type: ignore[arg-type]
    )
    return ledger.append(session, entry)


def tell(session: Session, source: str, token: str, now: datetime) -> None:
    """The notice that every page shows until the incident is closed."""
    counting.notice(session, now, NOTICE, token, _TEXTS[source], _HINT)


def close(home: Home, token: str, actor: str, now: datetime) -> None:
    """A person has seen to it. Raises IncidentError for one that is unknown or closed already."""
    with home.store.write() as session:
        row = session.scalar(select(Incident).where(Incident.token == token))
        if row is None:
            raise IncidentError("incident-unknown", f"there is no incident '{token}'", "see 'diffgram-home incidents'")
        if row.closed_at is not None:
            raise IncidentError("incident-closed", f"incident '{token}' is closed already", "nothing to do")
        row.closed_at, row.closed_by = now, actor
        row.closed_leaf = step(session, row, "closed", actor, now)
        counting.end_notice(session, now, NOTICE, token)


def listed(home: Home, *, before: int | None = None, limit: int = 100) -> tuple[views.Incident, ...]:
    """Incidents, newest first, with an id below `before`."""
    wanted = select(Incident).order_by(Incident.id.desc()).limit(limit)
    with home.store.read() as session:
        rows = session.scalars(wanted if before is None else wanted.where(Incident.id < before))
        return tuple(_view(session, row) for row in rows)


def is_known(session: Session, token: str) -> bool:
    """Whether there is an incident with this id."""
    return session.scalar(select(Incident.id).where(Incident.token == token)) is not None


def clean(paths: Mapping[str, int]) -> dict[str, int]:
    """`paths` as a leaf takes them; what would not be a path is counted as `<undeclared>`."""
    result: dict[str, int] = {}
    for path, count in list(paths.items())[:MOST_PATHS]:
        name = path if _PATH.fullmatch(path) else "<undeclared>"
        result[name] = result.get(name, 0) + max(1, min(int(count), 2**53 - 1))
    return result


def _open_one(session: Session, source: str, paths: Mapping[str, int]) -> Incident | None:
    wanted = select(Incident).where(Incident.source == source, Incident.closed_at.is_(None))
    rows = session.scalars(wanted.order_by(Incident.id.desc()).limit(50))
    return next((row for row in rows if json.loads(row.paths).keys() == paths.keys()), None)


def _text(paths: Mapping[str, int]) -> str:
    return json.dumps(dict(paths), sort_keys=True)


def _view(session: Session, row: Incident) -> views.Incident:
    told, deleted, document = _answered(session, row)
    return views.Incident(
        id=row.id,
        token=row.token,
        source=row.source,
        text=_TEXTS[row.source],
        paths=json.loads(row.paths),
        count=row.count,
        case=row.case,
        sequence=row.sequence,
        last_at=row.last_at,
        closed_by=row.closed_by,
        steps=(
            views.IncidentStep("noticed", row.noticed_at, row.noticed_leaf, _said(row, "noticed")),
            views.IncidentStep("told", *told, _said(row, "told")),
            views.IncidentStep("deleted", *deleted, _said(row, "deleted")),
            views.IncidentStep("closed", row.closed_at, row.closed_leaf, _said(row, "closed")),
        ),
        statement=row.statement,
        deletion=document,
    )


def _answered(session: Session, row: Incident) -> tuple[_Step, _Step, str | None]:
    """When corporate was told and deleted, with their leaves; of a declared one they are its request's own."""
    told, deleted = (row.told_at, row.told_leaf), (row.deleted_at, row.deleted_leaf)
    if row.source != CUSTOMER:
        return told, deleted, row.deletion
    request = session.scalar(select(Request).where(Request.sha256.startswith(row.token)))
    if request is None or request.outcome != ACCEPTED:
        return told, deleted, row.deletion
    told = (request.answered_at, request.answer_leaf)
    stated = session.scalar(select(Deletion).where(Deletion.request_id == request.id))
    if stated is None:
        return told, deleted, None
    return told, (stated.deleted_at, stated.leaf), stated.document


def _said(row: Incident, name: str) -> str:
    """What a step means where this incident was noticed."""
    if row.source == CORPORATE and row.statement is None and name == "deleted":
        return "not proved: corporate's answer came without a signed statement that holds; ask for one"
    if name == "closed":
        return "somebody here has seen to it" if row.closed_at else "not yet: somebody here has to look at it"
    if row.source == TRIPWIRE:
        return {
            "noticed": "a fence of this installation refused it",
            "told": "nobody but you: nothing left this machine",
            "deleted": "there is nothing to delete: nothing left this machine",
        }[name]
    return _ELSEWHERE[row.source][name]


_ELSEWHERE: Mapping[str, Mapping[str, str]] = {
    CORPORATE: {
        "noticed": "it arrived at corporate, which refused it",
        "told": "corporate said so in its answer",
        "deleted": "corporate signed that nothing of it was stored",
    },
    CUSTOMER: {
        "noticed": "somebody here declared it",
        "told": "corporate was told",
        "deleted": "corporate signed what was deleted",
    },
}
