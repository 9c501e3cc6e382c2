"""Leaves corporate altogether: every case off, everything deleted there, and the identity ended; the ledger stays here.

    begun (cases off, request kept) ─▶ answered (corporate's signed statement is here) ─▶ left (leaf, no certificate)

The request and its statement are `deleting`'s. Rules:

- Each step can be done again, and is when leaving was interrupted: `plan` says where it stands, `begin` goes on there.
- The cases go off first, so that nothing leaves beside the request. Where the settings file cannot be written, nothing
  is asked either.
- The identity ends only once the statement is here: until then the same request can be signed and sent again.
- Where no connection can be had, corporate's staff deletes on the customer's wish. Their statement about everything
  ends it as well, when it was taken in after leaving was begun (by the order of the ledger, not by clocks).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit import deletion, record
from audit.canonical import sha256_hex
from audit.deletion import Scope
from diffgram_home import counting, deleting, deletions, enrolment, facts, ledger, requests, rules, switching
from diffgram_home.deleting import Preview
from diffgram_home.errors import SettingsFaults
from diffgram_home.home import Home
from diffgram_home.models import ACCEPTED, Deletion, Request

_FACT = enrolment.LEAVING
NOT_BEGUN, WAITING, REFUSED, LEFT = "not-begun", "waiting", "refused", "left"


@dataclass(frozen=True, slots=True)
class Plan:
    """Where leaving stands, and what it would do now.

    state    not-begun, waiting (for corporate's statement), refused (the request, for good), or left
    shown    the request with what it names; None where corporate never knew this installation, or it has left
    on       cases that would be switched off
    request  the number of the request that was kept
    detail   why corporate's statement is not here
    left_at  when the identity ended
    """

    state: str
    shown: Preview | None
    on: tuple[str, ...]
    request: int | None
    detail: str | None
    left_at: datetime | None


def plan(home: Home, now: datetime) -> Plan:
    """Where leaving stands and what it would do; changes nothing. Raises Refused, RequestError."""
    with home.store.read() as session:
        begun = facts.get(session, _FACT) or {}
        row = _request(session, begun)
        exact = None if row is None else requests.body(session, row)
    if begun.get("left_at"):
        return Plan(LEFT, None, _on(home), None, None, datetime.fromisoformat(begun["left_at"]))
    if row is None or row.final or exact is None:
        shown = deleting.preview(home, Scope(deletion.LEAVING), now) if enrolment.is_enrolled(home) else None
        refused = row is not None and row.final and row.outcome != ACCEPTED
        return Plan(REFUSED if refused else NOT_BEGUN, shown, _on(home), None, row.detail if row else None, None)
    again = Preview(exact, row.sha256, Scope(deletion.LEAVING), 0, 0, 0)
    return Plan(WAITING, again, _on(home), row.id, row.detail, None)


def begin(home: Home, body: bytes | None, actor: str, now: datetime) -> int | None:
    """Switch every case off and keep the request `body` that `actor` saw; returns its number, to be sent.

    Without a body, since corporate never knew this installation, it has left when this returns. What was begun before
    goes on. Raises SettingsFaults, StoreError, and as `deleting.ask`.
    """
    switching.all_off(home, actor, now)
    with home.store.read() as session:
        row = _request(session, facts.get(session, _FACT) or {})
    if row is not None and (row.outcome == ACCEPTED or not row.final):
        deleting.again(home, [row.id], actor, now)
        return row.id
    with home.store.write() as session:
        size = ledger.standing(session).size
        begun = {"actor": actor, "at": now.isoformat(), "sha256": sha256_hex(body) if body else None, "size": size}
        facts.put(session, _FACT, begun)
    if body is None:
        finish(home, now)
        return None
    return deleting.ask(home, body, actor, now)


def finish(home: Home, now: datetime) -> bool:
    """End the identity if corporate's statement is here; True if this installation has left. Cheap otherwise."""
    with home.store.read() as session:
        begun = facts.get(session, _FACT)
        done = bool(begun) and (begun.get("left_at") or _is_answered(session, begun))
    if not done:
        return False
    if not begun.get("left_at"):
        with home.store.write() as session:
            _end(session, begun, now)
    (home.keys.folder / enrolment.CERTIFICATE_FILE).unlink(missing_ok=True)
    return True


def rest(home: Home) -> tuple[str, ...]:
    """What stays on this machine, and how to remove it: for a person to do, since only they know what may go."""
    settings = home.settings
    lines = [f"the ledger, with the bytes of everything that ever left and corporate's statement: {settings.folder}"]
    if not settings.database_url.startswith(f"sqlite:///{settings.folder}"):
        lines.append("its tables in the database that the settings name under [database]")
    if not settings.spool.folder.is_relative_to(settings.folder):
        lines.append(f"what the product spooled: {settings.spool.folder}")
    lines.append(f"the settings, in which every case is off: {settings.path}")
    lines.append("checkpoints that you keep elsewhere, backups of this machine, service units and proxy rules")
    return tuple(lines)


def _on(home: Home) -> tuple[str, ...]:
    file = rules.read_file(home)
    if isinstance(file, SettingsFaults):
        return ()
    return tuple(case for case, mode in file.cases.items() if mode != switching.ALL_OFF[case])


def _request(session: Session, begun: dict[str, Any]) -> Request | None:
    sha256 = begun.get("sha256")
    return None if sha256 is None else session.scalar(select(Request).where(Request.sha256 == sha256))


def _is_answered(session: Session, begun: dict[str, Any]) -> bool:
    if begun["sha256"] is None:
        return True
    row = _request(session, begun)
    if row is not None and row.outcome == ACCEPTED:
        return True
    everything = Deletion.what.in_((deletion.EVERYTHING, deletion.LEAVING))
    brought = select(Deletion.id).where(Deletion.request_id.is_(None), everything, Deletion.leaf >= begun["size"])
    return session.scalar(brought.limit(1)) is not None


def _end(session: Session, begun: dict[str, Any], now: datetime) -> None:
    entry = record.Identity(
        actor=begun["actor"],
        at=record.instant(now),
        case=None,
        code=None,
        ledger_root=None,
        ledger_size=None,
        other=None,
        sequence=None,
        step="left",
    )
    ledger.append(session, entry)
    facts.put(session, _FACT, {**begun, "left_at": now.isoformat()})
    facts.put(session, "enrolment", {})
    for row in requests.waiting(session, deletion.KIND):  # everything was deleted: nothing waits for an answer any more
        row.final, row.code, row.detail = True, deletions.OTHERWISE, None
        counting.end_notice(session, now, deleting.NOTICE, str(row.id))
