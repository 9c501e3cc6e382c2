"""Has corporate delete what it received: asks, and checks the signed statement.

The words of request and statement are `audit.deletion`'s, sending is `requests`', showing is `deletions`'. Rules:

- Nothing is asked before a person has seen the exact bytes; the roles are `security` and `admin`.
- What waits here to be sent and is named goes no more: its number is voided in the transaction that keeps the request.
- A request that could not be answered waits. A person asks again, by command or on a page (`want`: the scheduler then
  sends it once); by itself it goes only beside other traffic, while a case is on: off stays silent.
- Deleting a field switches nothing: what waits here with it goes, and corporate takes the field out as it arrives. Only
  where the field is switched off as well, its batches are voided and sealed again without it (`switching`).
- A statement counts only with corporate's signature, for this installation and this request. Hashes that it pins and
  this ledger has otherwise are told as a finding: the statement is kept all the same, as evidence.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from audit import deletion, gate, record
from audit.canonical import sha256_hex
from audit.catalogue import ENVELOPE, HEADER, REQUEST
from audit.deletion import Scope
from audit.errors import Refused, SignatureRefused
from diffgram_home import counting, facts, ledger, manifest, patience, requests, rules, sealing
from diffgram_home.deletions import WANTED, words
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

    `batches`, `messages`: of its scope that corporate has, or may have, sealed from `first` until `last`; of a field,
    batches of its case, any of which may hold it. `waiting`: batches here that then go no more; `holding`: batches
    here that may hold the field and still go.
    """

    body: bytes
    sha256: str
    scope: Scope
    batches: int
    messages: int
    waiting: int
    holding: int = 0
    first: datetime | None = None
    last: datetime | None = None


def preview(home: Home, scope: Scope, now: datetime, *, declared: bool = False) -> Preview:
    """The exact bytes that asking for `scope` would send, and what they mean. Raises Refused, RequestError.

    `declared`: they say besides that it should not have left.
    """
    values = scope.values() | ({deletion.DECLARED: True} if declared else {})
    chosen = _chosen(home, scope)
    with home.store.read() as session:
        body = requests.make(home, session, deletion.KIND, values, now)
        deletion.scope_of(gate.check_request(body, home.catalogue))
        left = or_(Batch.left_at.is_not(None), Batch.last_outcome.in_((ACCEPTED, UNKNOWN)))
        sums = func.count(), func.coalesce(func.sum(Batch.messages), 0), func.min(Batch.sealed_at)
        batches, messages, first, last = session.execute(
            select(*sums, func.max(Batch.sealed_at)).where(left, *chosen)
        ).one()
        waits = session.scalar(select(func.count()).where(Batch.state == QUEUED, *chosen)) or 0
    waiting, holding = (0, waits) if scope.what == deletion.FIELD else (waits, 0)
    return Preview(body, sha256_hex(body), scope, batches, int(messages), waiting, holding, first, last)


def fields(home: Home) -> list[str]:
    """The names of the fields whose values can be deleted: all but those that go with every batch or request."""
    every = home.catalogue.fields.values()
    return sorted(field.name for field in every if not {HEADER, ENVELOPE} & set(field.kinds) and field.case != REQUEST)


def shown(home: Home, body: bytes, *, declared: bool = False) -> Preview:
    """The preview whose exact bytes come back from a page. Raises ValueError for bytes that are no such request."""
    try:
        asked = gate.check_request(body, home.catalogue)
        scope = deletion.scope_of(asked)
    except Refused as no:
        raise ValueError(f"this is no request of ours: {no.code}") from no
    if deletion.is_declared(asked) is not declared:
        raise ValueError(f"this request declares {'nothing' if declared else 'an incident'}")
    return Preview(body, sha256_hex(body), scope, 0, 0, 0)


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
        _decided(session, row, actor, "kept" if row.tries == 0 else "again", now)
        for batch in _waiting(home, session, scope):
            sealing.void_within(home, session, batch, "withdrawn", now, reseal=False)
        text = f"a request for deletion of {words(scope)} waits for corporate's answer"
        counting.notice(session, now, NOTICE, str(row.id), text, _again(home, scope))
        return row.id


def _again(home: Home, scope: Scope) -> str:
    if home.settings.sending.by_hand:
        return requests.CARRY
    again = "leave" if scope.what == deletion.LEAVING else "delete --again"
    return f"if it lasts, ask again: under Deletion, or 'diffgram-home {again}'"


def send(home: Home, door: Door, request: int, now: datetime) -> Request:
    """Send one request now, because a person asked; its row with what became of it. Raises as `requests.send`."""
    row = requests.send(home, door, request, answering(home), now)
    if row.final and row.outcome != ACCEPTED:
        with home.store.write() as session:
            counting.end_notice(session, now, NOTICE, str(row.id))  # asking again cannot help; the list says why
    return row


def again(home: Home, numbers: Collection[int], actor: str, now: datetime) -> list[int]:
    """Record that `actor` asks again for those of these requests that wait; their numbers, to be sent or wanted."""
    with home.store.write() as session:
        found = [row for row in requests.waiting(session, deletion.KIND) if row.id in numbers]
        for row in found:
            _decided(session, row, actor, "again", now)
        return [row.id for row in found]


def want(home: Home, numbers: Collection[int]) -> None:
    """A person on a page asks for these requests now: the scheduler sends them once, with every case off too."""
    with home.store.write() as session:
        open_ = {row.id for row in requests.waiting(session, deletion.KIND)}
        facts.put(session, WANTED, sorted({*facts.get(session, WANTED, []), *numbers} & open_))


def waiting(home: Home) -> list[int]:
    """Numbers of requests that corporate has not answered for good."""
    with home.store.read() as session:
        return [row.id for row in requests.waiting(session, deletion.KIND)]


def send_due(home: Home, door: Door, now: datetime) -> None:
    """Send what a person on a page asked for, once; and again what is due, while a case is on. Otherwise silence."""
    if home.settings.sending.by_hand:
        return
    on = "on" in rules.current(home).modes.cases.values()
    with home.store.read() as session:
        wanted = facts.get(session, WANTED, [])
        open_ = requests.waiting(session, deletion.KIND) if on or wanted else []
        due = [row.id for row in open_ if row.id in wanted or (on and _is_due(home, row, now))]
    if wanted:
        with home.store.write() as session:  # before it is tried: asked once is sent once, whatever becomes of it
            facts.put(session, WANTED, [one for one in facts.get(session, WANTED, []) if one not in wanted])
    for one in due:
        try:
            send(home, door, one, now)
        except (HomeError, SignatureRefused) as error:
            _not_sent(home, one, error)
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


def hear(home: Home, token: Any, now: datetime) -> bool:
    """Take what rode on an answer, True if it was new; one that does not hold is told, and changes nothing."""
    try:
        return take(home, token, "corporate", now)
    except SignatureRefused as error:
        with home.store.write() as session:
            counting.notice(session, now, "deletion-refused", patience.SUBJECT, str(error.args[0]), error.hint)
    return False


def reader(home: Home) -> Callable[[str, str | None], None]:
    """What `verify` reads statements with: the document, and the SHA-256 of the request that it answers, or None."""
    keys = manifest.keys_ever(home, manifest.DELETIONS) or {}

    def read(document: str, sha256: str | None) -> None:
        found = deletion.read(document, keys)
        if (found.installation, found.request) != (home.installation, sha256):
            raise SignatureRefused("deletion-differs", "the statement answers something else", "ask corporate")

    return read


def _decided(session: Session, row: Request, actor: str, step: Literal["kept", "again"], now: datetime) -> None:
    entry = record.Asked(actor=actor, at=record.instant(now), purpose=row.kind, sha256=row.sha256, step=step)
    ledger.append(session, entry)


def _not_sent(home: Home, number: int, error: HomeError | SignatureRefused) -> None:
    """Say beside a request why it could not even be tried."""
    with home.store.write() as session:
        row = session.get_one(Request, number)
        if not row.under_way and row.outcome != ACCEPTED:
            row.code, row.detail = error.code, "; ".join(filter(None, (str(error.args[0]), error.hint)))


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
            _mark(session, sha256, row)
    if not row.agrees:
        text = "corporate's statement of deletion names bytes that this ledger does not have under those numbers"
        counting.notice(
            session, now, DIFFERS, str(row.id), text, "was a backup restored, or a copy used? ask corporate"
        )
    session.flush()


def _mark(session: Session, sha256: str, row: Deletion) -> None:
    """The first statement about a body counts, but one about all of it more than one about a field of it."""
    before = session.get(Deleted, sha256)
    if before is None:
        session.add(Deleted(sha256=sha256, deletion_id=row.id))
    elif row.what != deletion.FIELD and session.get_one(Deletion, before.deletion_id).what == deletion.FIELD:
        before.deletion_id = row.id


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


def _waiting(home: Home, session: Session, scope: Scope) -> list[int]:
    if scope.what == deletion.FIELD:
        return []
    return list(session.scalars(select(Batch.id).where(Batch.state == QUEUED, *_chosen(home, scope))))


def _chosen(home: Home, scope: Scope) -> list[ColumnElement[bool]]:
    """The batches here that `scope` means; of a field, those of its case. Raises RequestError."""
    chosen: list[ColumnElement[bool]] = []
    if scope.field is not None:
        chosen.append(Batch.case == _deletable(home, scope.field))
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


def _deletable(home: Home, definition: str) -> str:
    """The case of a field, unless it goes with every batch or request; corporate would refuse to delete such a one."""
    name = next((field.name for field in home.catalogue.fields.values() if field.hash == definition), None)
    if name is None or name not in fields(home):
        hint = "delete by attempt, time or case instead"
        raise RequestError(
            "field-everywhere", "this field goes with every batch or request, or is not known here", hint
        )
    return home.catalogue.fields[name].case
