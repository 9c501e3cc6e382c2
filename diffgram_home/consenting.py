"""Approves and withdraws fields of the catalogue: by definition, by a person with the role `security`, in the ledger.

An approval names the hash of a definition (audit.consent). Withdrawing acts on what waits: batches that hold the field
are voided and their other content is sealed again. What has left is not called back, and what was withheld is not
sent later.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit import record
from audit.catalogue import REQUEST, Field
from audit.consent import Consent
from diffgram_home import ledger, rules, sealing
from diffgram_home.errors import PeopleError
from diffgram_home.home import Home
from diffgram_home.models import Approval

ROLE = "security"
FIELDS_A_RECORD = 2000


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided now: the names of fields, in order, and how many waiting batches were voided by it."""

    names: tuple[str, ...]
    voided: int


def consent(home: Home) -> Consent:
    """What is approved at this moment."""
    with home.store.read() as session:
        return rules.consent_now(session)


def approve(home: Home, names: Sequence[str] | None, actor: str, role: str, authority: str, now: datetime) -> Decision:
    """Approve the present definitions of `names`, or of all live fields with None; what is approved already stays.

    `actor` is `account:name` or `os:uid`; `authority` says in the person's words on whose behalf. Raises PeopleError
    for another role than `security`, ValueError for an unknown name.
    """
    _check_role(role)
    wanted = _fields(home, names)
    with home.store.write() as session:
        before = rules.consent_now(session)
        new = {field.name: field.hash for field in wanted if not before.allows(field)}
        _record(session, new, "approved", actor, role, authority, now)
        for name, digest in new.items():
            session.add(Approval(field=name, hash=digest, actor=actor, role=role, authority=authority, at=now))
    return Decision(tuple(new), 0)


def withdraw(
    home: Home, names: Sequence[str] | None, actor: str, role: str, now: datetime, authority: str = ""
) -> Decision:
    """Withdraw every approval of `names`, or of all with None, and void what may no longer go; raises as `approve`."""
    _check_role(role)
    if names is not None:
        _fields(home, names)
    with home.store.write() as session:
        open_ones = select(Approval).where(Approval.withdrawn_at.is_(None)).order_by(Approval.id)
        rows = [row for row in session.scalars(open_ones) if names is None or row.field in names]
        _record(session, {row.field: row.hash for row in rows}, "withdrawn", actor, role, authority, now)
        for row in rows:
            row.withdrawn_at, row.withdrawn_by = now, actor
    voided = sealing.void_refused(home, now) if rows else 0
    return Decision(tuple(dict.fromkeys(row.field for row in rows)), voided)


def _check_role(role: str) -> None:
    if role != ROLE:
        hint = "ask somebody with the role 'security'"
        raise PeopleError("role-missing", f"the role '{role}' may not decide about fields", hint)


def _fields(home: Home, names: Sequence[str] | None) -> list[Field]:
    fields = home.catalogue.fields.values()
    live = {field.name: field for field in fields if field.removed is None and field.case != REQUEST}
    if names is None:
        return list(live.values())
    unknown = sorted(set(names) - live.keys())
    if unknown:
        raise ValueError(
            f"the catalogue has no field {', '.join(map(repr, unknown))}; 'diffgram-home fields' lists them"
        )
    return [live[name] for name in dict.fromkeys(names)]


def _record(
    session: Session, fields: Mapping[str, str], decision: str, actor: str, role: str, authority: str, now: datetime
) -> None:
    items = list(fields.items())
    for start in range(0, len(items), FIELDS_A_RECORD):
        ledger.append(
            session,
            record.Consent(
                actor=actor,
                at=record.instant(now),
                authority=authority,
                decision=decision,  # type: ignore[arg-type]
                fields=dict(items[start : start + FIELDS_A_RECORD]),
                role=role,  # type: ignore[arg-type]
            ),
        )
