"""Has corporate delete what it received: asks, checks the signed statement, and shows it beside what it names.

The words of request and statement are `audit.deletion`'s, sending is `requests`'. Rules:

- Nothing is asked before a person has seen the exact bytes; the roles are `security` and `admin`.
- What waits here to be sent and is named goes no more: its number is voided in the transaction that keeps the request.
- A request that could not be answered waits. A person asks again; by itself it goes only beside other traffic, while a
  case is on: off stays silent.
- A statement counts only with corporate's signature, for this installation and this request. Hashes that it pins and
  this ledger has otherwise are told as a finding: the statement is kept all the same, as evidence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from audit import deletion, gate, record
from audit.canonical import sha256_hex
from audit.deletion import Scope
from audit.errors import Refused, SignatureRefused
from diffgram_home import counting, ledger, manifest, patience, requests, rules, sealing
from diffgram_home.errors import HomeError
from diffgram_home.home import Home
from diffgram_home.models import ACCEPTED, QUEUED, UNKNOWN, Attempt, Batch, Deleted, Deletion, Request
from diffgram_home.outbound import Door
from diffgram_home.requests import Answering, RequestError

ROLES = ("security", "admin")
SHOWN_FOR = timedelta(hours=1)
"""A request may be sent for so long after it was shown."""
NOTICE, DIFFERS = "deletion-waits", "deletion-differs"
_AT_A_TIME = 500


@dataclass(frozen=True, slots=True)
class Preview:
    """A request as it would go, and what it means by this ledger.

    `batches`, `messages`: of its scope that corporate has, or may have; `waiting`: batches here that then go no more.
    """

    body: bytes
    sha256: str
    scope: Scope
    batches: int
    messages: int
    waiting: int


@dataclass(frozen=True, slots=True)
class Asked:
    """One request for deletion with what became of it, or a statement that came without one."""

    request: int | None
    scope: Scope
    at: datetime
    actor: str
    tries: int
    outcome: str | None
    code: str | None
    detail: str | None
    final: bool
    statement: deletion.Deletion | None
    document: str | None
    agrees: bool | None


def preview(home: Home, scope: Scope, now: datetime) -> Preview:
    """The exact bytes that asking for `scope` would send, and what they mean. Raises Refused, RequestError."""
    with home.store.read() as session:
        body = requests.make(home, session, deletion.KIND, scope.values(), now)
        deletion.scope_of(gate.check_request(body, home.catalogue))
        chosen = _chosen(scope)
        left = or_(Batch.left_at.is_not(None), Batch.last_outcome.in_((ACCEPTED, UNKNOWN)))
        wanted = select(func.count(), func.coalesce(func.sum(Batch.messages), 0)).where(left, *chosen)
        batches, messages = session.execute(wanted).one()
        waits = session.scalar(select(func.count()).where(Batch.state == QUEUED, *chosen)) or 0
    waiting = 0 if scope.what == deletion.FIELD else waits
    return Preview(body, sha256_hex(body), scope, batches, int(messages), waiting)


def ask(home: Home, body: bytes, actor: str, now: datetime) -> int:
    """Keep the request `body` that `actor` saw, and void what it names and waits here; returns its number.

    Raises Refused for bytes that are no such request, RequestError for one shown long ago.
    """
    asked = gate.check_request(body, home.catalogue)
    scope = deletion.scope_of(asked)
    if asked.installation != home.installation or not now - SHOWN_FOR <= asked.at <= now + SHOWN_FOR:
        hint = "look at it anew, and send that"
        raise RequestError("request-old", "this request was not shown here within the last hour", hint)
    with home.store.write() as session:
        row = requests.keep(session, deletion.KIND, body, actor, now)
        for batch in _waiting(session, scope):
            sealing.void_within(home, session, batch, "withdrawn", now, reseal=False)
        text = f"a request for deletion of {words(scope)} waits for corporate's answer"
        counting.notice(session, now, NOTICE, str(row.id), text, "ask again: 'diffgram-home delete --again'")
        return row.id


def send(home: Home, door: Door, request: int, now: datetime) -> Request:
    """Send one request now, because a person asked; its row with what became of it. Raises as `requests.send`."""
    return requests.send(home, door, request, answering(home), now)


def waiting(home: Home) -> list[int]:
    """Numbers of requests that corporate has not answered for good."""
    with home.store.read() as session:
        return [row.id for row in requests.waiting(session, deletion.KIND)]


def send_due(home: Home, door: Door, now: datetime) -> None:
    """Send again what is due, while a case is on: then corporate is talked to anyway. Otherwise silence."""
    if "on" not in rules.current(home).modes.cases.values():
        return
    with home.store.read() as session:
        due = [row.id for row in requests.waiting(session, deletion.KIND) if _is_due(home, row, now)]
    for one in due:
        try:
            send(home, door, one, now)
        except (HomeError, SignatureRefused):
            return  # the request and its notice stay; the next time it is tried again


def answering(home: Home) -> Answering:
    """How corporate's answer to a request for deletion is read and kept."""

    def read(token: str, keys: requests.Ring, body: bytes) -> deletion.Deletion:
        found = deletion.read(token, keys)
        deletion.matches(found, home.installation, (gate.check_request(body, home.catalogue), sha256_hex(body)))
        return found

    def accepted(home: Home, session: Session, row: Request, now: datetime) -> None:
        found = deletion.read(row.document or "", manifest.keys_ever(home, manifest.DELETIONS) or {})
        _keep(session, found, row.document or "", row.id, row.answer_leaf or 0, now)
        counting.end_notice(session, now, NOTICE, str(row.id))

    return Answering(manifest.DELETIONS, read, accepted)


def take(home: Home, token: Any, actor: str, now: datetime) -> bool:
    """Keep a statement that nobody here asked for: it rode on an answer (`corporate`), or a person brought it.

    False if it is here already. Raises SignatureRefused for one that does not hold.
    """
    if not isinstance(token, str):
        raise SignatureRefused("token-malformed", "the statement is no text", "ask corporate for it")
    found = deletion.read(token.strip(), manifest.keys_ever(home, manifest.DELETIONS) or {})
    deletion.matches(found, home.installation, None)
    with home.store.write() as session:
        if session.scalar(select(Deletion.id).where(Deletion.document == token.strip())) is not None:
            return False
        entry = record.Deletion(actor=actor, at=record.instant(now), document=token.strip())
        _keep(session, found, token.strip(), None, ledger.append(session, entry), now)
    return True


def hear(home: Home, token: Any, now: datetime) -> None:
    """Take what rode on an answer; one that does not hold is told, and changes nothing."""
    try:
        take(home, token, "corporate", now)
    except SignatureRefused as error:
        with home.store.write() as session:
            counting.notice(session, now, "deletion-refused", patience.SUBJECT, str(error.args[0]), error.hint)


def listed(home: Home) -> list[Asked]:
    """Every request for deletion and every statement, newest first."""
    with home.store.read() as session:
        held = {row.request_id: row for row in session.scalars(select(Deletion)) if row.request_id is not None}
        wanted = select(Request).where(Request.kind == deletion.KIND).order_by(Request.id)
        found = [_asked(home, session, row, held.get(row.id)) for row in session.scalars(wanted)]
        found += [_told(home, row) for row in session.scalars(select(Deletion).where(Deletion.request_id.is_(None)))]
    return sorted(found, key=lambda one: one.at, reverse=True)


def reader(home: Home) -> Callable[[str, str | None], None]:
    """What `verify` reads statements with: the document, and the SHA-256 of the request that it answers, or None."""
    keys = manifest.keys_ever(home, manifest.DELETIONS) or {}

    def read(document: str, sha256: str | None) -> None:
        found = deletion.read(document, keys)
        if (found.installation, found.request) != (home.installation, sha256):
            raise SignatureRefused("deletion-differs", "the statement answers something else", "ask corporate")

    return read


def deleted(session: Session, hashes: Iterable[str]) -> dict[str, datetime]:
    """Which of these bodies corporate says to have deleted, or altered, and when."""
    wanted = select(Deleted.sha256, Deletion.deleted_at).join(Deletion, Deletion.id == Deleted.deletion_id)
    return dict(map(tuple, session.execute(wanted.where(Deleted.sha256.in_(list(hashes))))))


def _keep(
    session: Session, found: deletion.Deletion, document: str, request: int | None, leaf: int, now: datetime
) -> None:
    row = Deletion(
        request_id=request,
        what=found.scope.what,
        deleted_at=found.deleted_at,
        batches=found.batches,
        backups_until=found.backups_until,
        document=document,
        leaf=leaf,
        agrees=True,
    )
    session.add(row)
    session.flush()
    for lane in found.lanes:
        hashes = list(_hashes(session, lane))
        row.agrees = row.agrees and deletion.digest(hashes) == lane.sha256
        for sha256 in hashes:
            if session.get(Deleted, sha256) is None:
                session.add(Deleted(sha256=sha256, deletion_id=row.id))
    if not row.agrees:
        text = "corporate's statement of deletion names bytes that this ledger does not have under those numbers"
        counting.notice(
            session, now, DIFFERS, str(row.id), text, "was a backup restored, or a copy used? ask corporate"
        )
    session.flush()


def _hashes(session: Session, lane: deletion.Lane) -> Iterator[str]:
    """What this ledger has under the numbers: the body that corporate accepted, or may have."""
    numbers = list(deletion.numbers(lane.numbers)) if lane.count <= 1_000_000 else []
    for start in range(0, len(numbers), _AT_A_TIME):
        chunk = numbers[start : start + _AT_A_TIME]
        wanted = select(Attempt.sequence, Attempt.sha256, Attempt.outcome).where(
            Attempt.case == lane.case, Attempt.sequence.in_(chunk), Attempt.outcome.in_((ACCEPTED, UNKNOWN))
        )
        by_number: dict[int, str] = {}
        for number, sha256, outcome in session.execute(wanted.order_by(Attempt.id)):
            if outcome == ACCEPTED or number not in by_number:
                by_number[number] = sha256
        listed = dict(zip(numbers, lane.hashes, strict=False))
        stated_here = lane.hashes[start : start + _AT_A_TIME]
        known = set(session.scalars(select(Attempt.sha256).where(Attempt.sha256.in_(stated_here))))
        for number in chunk:
            stated = listed.get(number)
            here = stated if stated in known else by_number.get(number)
            if here is not None:
                yield here


def _waiting(session: Session, scope: Scope) -> list[int]:
    if scope.what == deletion.FIELD:
        return []
    return list(session.scalars(select(Batch.id).where(Batch.state == QUEUED, *_chosen(scope))))


def _chosen(scope: Scope) -> list[ColumnElement[bool]]:
    """The batches here that `scope` means."""
    chosen: list[ColumnElement[bool]] = []
    if scope.case is not None:
        chosen.append(Batch.case == scope.case)
    if scope.batch is not None:
        chosen.append((Batch.sha256 == scope.batch) | (Batch.voided_sha256 == scope.batch))
    if scope.from_ is not None and scope.until is not None:
        chosen += [Batch.sealed_at >= scope.from_, Batch.sealed_at < scope.until]
    return chosen


def _is_due(home: Home, row: Request, now: datetime) -> bool:
    if row.answered_at is None:
        return True
    return now >= row.answered_at + patience.wait(row.tries, home.settings.sending.every_s)


def _asked(home: Home, session: Session, row: Request, held: Deletion | None) -> Asked:
    body = requests.body(session, row)
    scope = Scope("unknown") if body is None else deletion.scope_of(gate.check_request(body, home.catalogue))
    return Asked(
        request=row.id,
        scope=scope,
        at=row.at,
        actor=row.actor,
        tries=row.tries,
        outcome=row.outcome,
        code=row.code,
        detail=row.detail,
        final=row.final,
        statement=None if held is None else _statement(home, held.document),
        document=row.document,
        agrees=None if held is None else held.agrees,
    )


def _told(home: Home, row: Deletion) -> Asked:
    found = _statement(home, row.document)
    scope = Scope("unknown") if found is None else found.scope
    return Asked(
        None, scope, row.deleted_at, "corporate", 0, ACCEPTED, None, None, True, found, row.document, row.agrees
    )


def _statement(home: Home, document: str) -> deletion.Deletion | None:
    try:
        return deletion.read(document, manifest.keys_ever(home, manifest.DELETIONS) or {})
    except (SignatureRefused, Refused):
        return None


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
