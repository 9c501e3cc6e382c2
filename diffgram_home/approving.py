"""Approves and refuses batches that wait for approval before sending, and ends those that waited too long.

What a case asks for is `asking`'s, what the store says `approvals`', whether it is enough `audit.approval`'s. Rules:

- A decision names the SHA-256 of the very bytes. It is a leaf and a row, written together; corporate never learns who.
- Only the role `security` decides. Who approves twice counts once.
- A batch that is refused, or not approved in time, is voided: its number is used up by a signed record without content,
  and its messages are not sealed again. Where not even a void may leave now, the batch waits, and is voided later; it
  cannot be approved any more.
- Time counts from the sealing, or from when the case began to ask, whichever was later, and only until it is approved:
  what was approved and could not be sent yet is tried again without anybody being asked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit import record
from audit.approval import NONE, REASONS, enough
from audit.modes import ALL_OFF
from diffgram_home import approvals, bodies, counting, ledger, rules, sealing
from diffgram_home.approvals import APPROVED, EXPIRED, REFUSED, Standing
from diffgram_home.errors import HomeError, PeopleError
from diffgram_home.home import Home
from diffgram_home.models import QUEUED, Batch, BatchDecision

ROLE = "security"
MOST_NOTE = 500
WAITING, SOON, LATE = "batches-wait", "batches-expire-soon", "batches-expired"
"""Notices: something waits; some of it is voided soon; something was."""
_SHARE = 4  # the last quarter of the time is soon
_VOID = "withdrawn"  # corporate learns no more than that it was not consented to
_HOME = "home"


class ApprovalError(HomeError):
    """A batch cannot be decided about, or what a case asks for cannot be changed so."""


@dataclass(frozen=True, slots=True)
class Approved:
    """One batch that somebody approved: `actors` so far, and whether it may go now."""

    sha256: str
    case: str
    sequence: int
    actors: tuple[str, ...]
    enough: bool


@dataclass(frozen=True, slots=True)
class Refusal:
    """A batch that was refused; `void` is what stands for its number now, None where it could not be voided yet."""

    sha256: str
    case: str
    sequence: int
    void_sha256: str | None
    void: bytes | None


@dataclass(frozen=True, slots=True)
class Due:
    """Batches that wait for approval, and when each is voided without it; `overdue` are to be voided now."""

    waiting: Mapping[int, datetime]
    overdue: tuple[int, ...]
    soon: tuple[int, ...]


def approve(home: Home, hashes: Sequence[str], actor: str, role: str, now: datetime) -> tuple[Approved, ...]:
    """Approve these very bytes, all or none. Raises PeopleError for another role, ApprovalError, StoreError."""
    _check_role(role)
    with home.store.write() as session:
        stands, levels = _levels(home, session)
        found = [_waiting(session, sha256, stands, levels, now) for sha256 in dict.fromkeys(hashes)]
        before, _ = approvals.decided(session, [batch.sha256 for batch in found])
        for batch in found:
            if actor not in before.get(batch.sha256, ()):
                _decide(session, batch, APPROVED, actor, role, now)
        session.flush()
        _look_again(home, session, now)
        after, _ = approvals.decided(session, [batch.sha256 for batch in found])
        known = approvals.makers(session)
        for case in {batch.case for batch in found}:
            counting.end_notice(session, now, LATE, case)
        return tuple(
            Approved(b.sha256, b.case, b.sequence, after[b.sha256], enough(levels[b.case], after[b.sha256], known))
            for b in found
        )


def refuse(home: Home, sha256: str, actor: str, role: str, reason: str, now: datetime, *, note: str = "") -> Refusal:
    """Refuse these bytes for one of REASONS: the batch is voided, and its messages do not go.

    `note` is the person's own, stays here, and may be empty. Raises ValueError for another reason; else as `approve`.
    """
    _check_role(role)
    if reason not in REASONS:
        raise ValueError(f"'{reason}' is no reason; give one of {', '.join(REASONS)}")
    if len(note) > MOST_NOTE or not note.isprintable():
        hint = f"use at most {MOST_NOTE} letters, without line feeds"
        raise ApprovalError("note-unusable", "the note cannot be recorded as it is; nothing changed", hint)
    with home.store.write() as session:
        stands, levels = _levels(home, session)
        batch = _waiting(session, sha256, stands, levels, now)
        case, sequence = batch.case, batch.sequence
        _decide(session, batch, REFUSED, actor, role, now, reason, note or None)
        session.flush()
        voided = sealing.void_within(home, session, batch.id, _VOID, now, reseal=False)
        counting.end_notice(session, now, LATE, case)
        _look_again(home, session, now)
        return Refusal(
            sha256,
            case,
            sequence,
            batch.sha256 if voided else None,
            bodies.get(session, batch.sha256) if voided else None,
        )


def attend(home: Home, now: datetime) -> int:
    """The scheduler's stage: void what waited too long or was refused, and tell what waits.

    Returns how many were voided. Raises StoreError.
    """
    with home.store.read() as session:
        if rules.within(home, session, now).modes == ALL_OFF:
            return 0  # the settings cannot be read: nothing goes, and nothing is given up either
        due = due_now(home, session, now)
        if not due.overdue and home.cache.get("approval told") == due:
            return 0
    with home.store.write() as session:
        voided = 0
        for number in due_now(home, session, now).overdue:
            voided += _end(home, session, session.get_one(Batch, number), now)
        due = _look_again(home, session, now)
    home.cache["approval told"] = due
    return voided


def due_now(home: Home, session: Session, now: datetime) -> Due:
    """What waits for approval, and until when."""
    stands, levels = _levels(home, session)
    asked = [case for case, level in levels.items() if level != NONE]
    if not asked:
        return Due({}, (), ())
    wanted = select(Batch).where(Batch.state == QUEUED, Batch.case.in_(asked)).order_by(Batch.id)
    batches = list(session.scalars(wanted))
    actors, ended = approvals.decided(session, [batch.sha256 for batch in batches])
    known = approvals.makers(session) if actors else {}
    waiting, overdue = {}, []
    for batch in batches:
        at = expires_at(stands, batch, now)
        if batch.sha256 in ended:
            overdue.append(batch.id)
        elif not enough(levels[batch.case], actors.get(batch.sha256, ()), known):
            waiting[batch.id] = at
            overdue += [batch.id] if at <= now else []
    last_part = timedelta(hours=stands.expires_h) / _SHARE
    soon = tuple(number for number, at in waiting.items() if now < at <= now + last_part)
    return Due(waiting, tuple(overdue), soon)


def expires_at(stands: Standing, batch: Batch, now: datetime) -> datetime:
    """When a batch that is not approved is voided."""
    always = batch.sealed_at if batch.case in approvals.ALWAYS else now  # else the file asks, and no record yet
    since = stands.holds[batch.case][1] if batch.case in stands.holds else always
    return max(batch.sealed_at, since) + timedelta(hours=stands.expires_h)


def _levels(home: Home, session: Session) -> tuple[Standing, Mapping[str, str]]:
    stands = approvals.standing(session)
    return stands, approvals.levels(stands, rules.stated_levels(home))


def _waiting(session: Session, sha256: str, stands: Standing, levels: Mapping[str, str], now: datetime) -> Batch:
    """The batch whose bytes have this hash, if it can be decided about. Raises ApprovalError."""
    batch = session.scalars(select(Batch).where(Batch.sha256 == sha256, Batch.state == QUEUED)).first()
    if batch is None:
        hint = "look under Pending again, or run 'diffgram-home queue list': it went, was voided, or was sealed again"
        raise ApprovalError("not-waiting", f"no batch with the hash '{sha256[:64]}' waits; nothing changed", hint)
    if levels[batch.case] == NONE:
        text = f"case '{batch.case}' asks for no approval before sending; nothing changed"
        raise ApprovalError("not-asked", text, f"'diffgram-home queue set {batch.case} one' lets it ask")
    _, ended = approvals.decided(session, [sha256])
    if sha256 in ended or (expires_at(stands, batch, now) <= now and not _is_approved(session, batch, levels)):
        text = f"number {batch.sequence} of '{batch.case}' was refused, or its time is over; nothing changed"
        raise ApprovalError("decided", text, "it is voided as soon as a void may leave")
    return batch


def _is_approved(session: Session, batch: Batch, levels: Mapping[str, str]) -> bool:
    actors, _ = approvals.decided(session, [batch.sha256])
    return enough(levels[batch.case], actors.get(batch.sha256, ()), approvals.makers(session))


def end(home: Home, session: Session, batch: Batch, now: datetime) -> None:
    """What these bytes were to leave for is over: they can be approved no more, and are voided as soon as may be."""
    sha256 = batch.sha256
    sealing.void_within(home, session, batch.id, _VOID, now, reseal=False)
    _decide(session, batch, EXPIRED, _HOME, None, now, sha256=sha256)


def _end(home: Home, session: Session, batch: Batch, now: datetime) -> bool:
    """Void a batch whose time is over, or that was refused when no void could leave."""
    sha256, case, sequence = batch.sha256, batch.case, batch.sequence
    _, ended = approvals.decided(session, [sha256])
    if not sealing.void_within(home, session, batch.id, _VOID, now, reseal=False):
        return False
    if sha256 in ended:
        return True
    _decide(session, batch, EXPIRED, _HOME, None, now, sha256=sha256)
    text = f"number {sequence} of case '{case}' was not approved in time and was voided; its messages do not go"
    hint = "nothing to do; look under Pending more often, or raise expires_h under [approval]"
    counting.notice(session, now, LATE, case, text, hint)
    return True


def _decide(
    session: Session,
    batch: Batch,
    decision: str,
    actor: str,
    role: str | None,
    now: datetime,
    reason: str | None = None,
    note: str | None = None,
    *,
    sha256: str | None = None,
) -> None:
    """Leaf and row."""
    entry = record.BatchDecision(
        actor=actor,
        at=record.instant(now),
        case=batch.case,  # type: ignore[arg-type]
        decision=decision,  # type: ignore[arg-type]
        note=note,
        reason=reason,  # type: ignore[arg-type]
        role=role,  # type: ignore[arg-type]
        sequence=batch.sequence,
        sha256=sha256 or batch.sha256,
    )
    row = BatchDecision(sha256=entry.sha256, case=batch.case, sequence=batch.sequence, decision=decision, actor=actor)
    row.role, row.at, row.reason, row.note, row.leaf = role, now, reason, note, ledger.append(session, entry)
    session.add(row)
    session.flush()


def _look_again(home: Home, session: Session, now: datetime) -> Due:
    """Say what waits now."""
    due = due_now(home, session, now)
    hint = "read each under Pending and approve or refuse it, or run 'diffgram-home queue list'"
    number = len(due.waiting)
    what = "1 batch waits" if number == 1 else f"{number} batches wait"
    _say(session, now, WAITING, number, f"{what} for approval before sending", hint)
    first = min((due.waiting[one] for one in due.soon), default=now)
    text = f"{len(due.soon)} of the batches that wait for approval will be voided without it, the first at"
    _say(session, now, SOON, len(due.soon), f"{text} {first:%Y-%m-%d %H:%M} UTC", hint)
    return due


def _say(session: Session, now: datetime, code: str, number: int, text: str, hint: str) -> None:
    if number:
        counting.reword(session, now, code, "", text, hint)
    else:
        counting.end_notice(session, now, code)


def _check_role(role: str) -> None:
    if role != ROLE:
        hint = "ask somebody with the role 'security'"
        raise PeopleError("role-missing", f"the role '{role}' may not decide about batches", hint)
