"""Writes decisions about definitions of fields down: rows and ledger records together, inside a transaction.

Who may decide is `consenting`'s to say for persons, `upgrading`'s for what a date or a policy does by itself. Rules:
- A decision is about a definition, by its hash. Every one is a `decision` record with actor, role and authority.
- At most one approval of a definition holds: a renewal ends the one before. Approving ends a decline, and the reverse.
- The words of a definition are kept with the decision, so that a later release can be compared with what was approved.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from audit import catalogue, record
from audit.catalogue import Field
from diffgram_home import ledger
from diffgram_home.errors import PeopleError
from diffgram_home.models import Approval, Decline, Definition

BY_DATE = "home"
"""Who ended an approval whose date had come."""
FIELDS_A_RECORD = 2000
_WORDS = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]{0,500}")


@dataclass(frozen=True, slots=True)
class Act:
    """Who decides, as what, in whose name, and when. `expires_at` is the end of an approval, if it has one.

    Raises PeopleError for an authority that no record could hold.
    """

    actor: str
    role: str
    authority: str
    now: datetime
    expires_at: datetime | None = None
    source: str = "person"

    def __post_init__(self) -> None:
        if not _WORDS.fullmatch(self.authority):
            hint = "say in at most 500 letters on whose authority, without control characters"
            raise PeopleError("authority-unusable", "the authority cannot be recorded as it is; nothing changed", hint)


def approve(session: Session, fields: Sequence[Field], act: Act) -> None:
    """Approve these definitions; approvals of them with another date, and declines, end."""
    _record(session, "approved", [(field.name, field.hash) for field in fields], act)
    remember(session, fields, act.now)
    _end_declines(session, fields, act.now)
    for row in _holding(session, fields):
        row.withdrawn_at, row.withdrawn_by = act.now, act.actor
    session.add_all(
        Approval(
            field=field.name,
            hash=field.hash,
            actor=act.actor,
            role=act.role,
            authority=act.authority,
            at=act.now,
            expires_at=act.expires_at,
            source=act.source,
        )
        for field in fields
    )
    session.flush()


def decline(session: Session, fields: Sequence[Field], act: Act) -> None:
    """Say no to these definitions; an approval of them ends."""
    _record(session, "declined", [(field.name, field.hash) for field in fields], act)
    remember(session, fields, act.now)
    _end_declines(session, fields, act.now)
    for row in _holding(session, fields):
        row.withdrawn_at, row.withdrawn_by = act.now, act.actor
    session.add_all(
        Decline(field=field.name, hash=field.hash, actor=act.actor, role=act.role, authority=act.authority, at=act.now)
        for field in fields
    )
    session.flush()


def end(session: Session, rows: Sequence[Approval], decision: str, act: Act) -> None:
    """End these approvals; `decision` is withdrawn or expired."""
    _record(session, decision, [(row.field, row.hash) for row in rows], act)
    for row in rows:
        row.withdrawn_at, row.withdrawn_by = act.now, act.actor
    session.flush()


def remember(session: Session, fields: Iterable[Field], now: datetime) -> None:
    """Keep the words of these definitions."""
    wanted = {field.hash: field for field in fields}
    known: Collection[str] = set(session.scalars(select(Definition.hash)))
    session.add_all(
        Definition(hash=digest, field=field.name, data=catalogue.definition(field), seen_at=now)
        for digest, field in wanted.items()
        if digest not in known
    )
    session.flush()


def _holding(session: Session, fields: Sequence[Field]) -> list[Approval]:
    """Approvals of these definitions that were not ended."""
    wanted = {(field.name, field.hash) for field in fields}
    rows = session.scalars(select(Approval).where(Approval.withdrawn_at.is_(None)))
    return [row for row in rows if (row.field, row.hash) in wanted]


def _end_declines(session: Session, fields: Sequence[Field], now: datetime) -> None:
    open_ones = Decline.ended_at.is_(None), Decline.hash.in_([field.hash for field in fields])
    session.execute(update(Decline).where(*open_ones).values(ended_at=now))


def _record(session: Session, decision: str, pairs: Sequence[tuple[str, str]], act: Act) -> None:
    """Append a record for at most FIELDS_A_RECORD fields at a time; one that ends with two hashes needs a second."""
    rest = list(pairs)
    while rest:
        fields: dict[str, str] = {}
        left = []
        for name, digest in rest:
            if name in fields or len(fields) == FIELDS_A_RECORD:
                left.append((name, digest))
            else:
                fields[name] = digest
        rest = left
        entry = record.Decision(
            actor=act.actor,
            at=record.instant(act.now),
            authority=act.authority,
            decision=decision,  # type: ignore[arg-type]
            expires=record.instant(act.expires_at) if act.expires_at and decision == "approved" else None,
            fields=fields,
            role=act.role,  # type: ignore[arg-type]
            source=act.source,  # type: ignore[arg-type]
        )
        ledger.append(session, entry)
