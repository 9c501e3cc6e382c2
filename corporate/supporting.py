"""Asks installations for support, and judges what answers: requests are signed, chained, and ride on answers.

What a request can say is `audit.support`'s. Rules:

- A request is signed once and never changed; wanting more is another request. Each is chained to the one before.
- It rides on answers to batches until it ends, is withdrawn or is decided, at most MOST_AT_ONCE at a time.
- A batch of case `support` is taken only if it begins with a decision about a request that was made to this very
  installation; messages without a grant are refused whole, and nothing of them is stored.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session

from audit import gate, support
from corporate import storing
from corporate.database import EVERYBODY, Store
from corporate.errors import Answer, OperatorError
from corporate.identity import Sender
from corporate.models import Batch, Customer, Installation, SupportRequest

CASE = "support"
DECIDED = "home/support-decided"
GRANTED, REFUSED, ENDED = "granted", "refused", "ended"
MOST_AT_ONCE = 5
DAYS = 14
_FIRST = "0" * 64
_CURRENT = (  # asked with every batch: made once
    select(SupportRequest.document)
    .where(SupportRequest.installation_id == bindparam("installation"))
    .where(SupportRequest.decision.is_(None), SupportRequest.withdrawn_at.is_(None))
    .where(SupportRequest.expires_at > bindparam("now"))
    .order_by(SupportRequest.number)
    .limit(MOST_AT_ONCE)
)


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody of support asks of an installation; `requester` is the thumbprint of their key."""

    installation: str
    routes: Collection[str]
    reason: str
    ticket: str
    minutes: int
    days: int
    requester: str
    role: str
    name: str | None = None
    extends: str | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """What an installation says that it decided about one of our requests."""

    request: str
    decision: str
    why: str | None
    grant: str | None
    ends_at: datetime | None
    grants: bool


@dataclass(frozen=True, slots=True)
class Row:
    """One request in a list; `state` is asked, withdrawn, over, or what was decided."""

    id: str
    installation: str
    customer: str
    state: str
    routes: tuple[str, ...]
    reason: str
    ticket: str
    seconds: int
    made_at: datetime
    made_by: str
    expires_at: datetime
    why: str | None
    grant: str | None
    ends_at: datetime | None
    answer: str | None
    chain: str


def ask(store: Store, key: Ed25519PrivateKey, wish: Wish, actor: str, now: datetime) -> str:
    """Sign and keep a request; returns its id. Raises OperatorError for what no request may say."""
    with store.writing(EVERYBODY) as session:
        known = session.get(Installation, wish.installation, with_for_update=True)
        if known is None or known.revoked_at is not None:
            hint = "see diffgram-corporate installations"
            raise OperatorError("installation", f"no installation {wish.installation!r} is enrolled here", hint)
        asked = _request(wish, now)
        try:
            document = support.ask(asked, key)
        except ValueError as error:
            raise OperatorError("support", f"this cannot be asked: {error}", "see docs/formats/support.md") from error
        number, before = _last(session, known.id)
        chain = hashlib.sha256((before + support.digest(document)).encode()).hexdigest()
        session.add(
            SupportRequest(
                id=asked.id,
                number=number + 1,
                customer_id=known.customer_id,
                installation_id=known.id,
                made_at=now,
                made_by=actor,
                expires_at=support.moment(asked.expires_at),
                document=document,
                chain=chain,
            )
        )
    return asked.id


def withdraw(store: Store, request: str, actor: str, now: datetime) -> None:
    """Ask no longer; an installation that heard it already lets it end by itself. Raises OperatorError."""
    with store.writing(EVERYBODY) as session:
        found = session.get(SupportRequest, request)
        if found is None or found.withdrawn_at is not None or found.decision is not None or found.expires_at <= now:
            raise OperatorError("support", f"no request {request!r} waits", "see diffgram-corporate support list")
        found.withdrawn_at, found.withdrawn_by = now, actor


def current(store: Store, installation: str, customer: int, now: datetime) -> list[str]:
    """The documents that ride on an answer to `installation` now."""
    with store.reading(customer) as session:
        return list(session.scalars(_CURRENT, {"installation": installation, "now": now}))


def told(store: Store, sender: Sender, batch: gate.Batch) -> Told:
    """What a batch of case `support` decides, if it may be taken. Raises Answer 400 `no-grant` for any other.

    It was declared already, so that every member is of its type.
    """
    first = dict(batch.messages[0]) if batch.messages else {}
    found = _decided(first)
    others = [message["kind"] for message in batch.messages[1:]]
    if found is None or DECIDED in others or (others and not found.grants):
        raise _no_grant("the batch does not begin with what was decided about one request")
    with store.reading(sender.customer) as session:
        row = session.get(SupportRequest, found.request)
        if row is None or row.installation_id != sender.installation:
            raise _no_grant("nobody here asked this installation for it")
        if found.grants and row.grant_id not in (None, found.grant):
            raise _no_grant("another grant was given for this request")
        sealed_at = batch.header.sealed_at
        if found.grants and (found.ends_at is None or not row.made_at - timedelta(days=1) < sealed_at < found.ends_at):
            raise _no_grant("it was not sealed while the grant held")
    return found


def take(store: Store, sender: Sender, found: Told, sha256: str, now: datetime) -> None:
    """Note what was decided; the same batch again changes nothing."""
    with store.writing(sender.customer) as session:
        row = session.get_one(SupportRequest, found.request)
        if row.decision == ENDED:
            return
        row.decision, row.why, row.told_at = found.decision, found.why, now
        if found.grants:
            row.grant_id, row.ends_at, row.answer = found.grant, found.ends_at, sha256


def listed(store: Store, now: datetime, *, installation: str | None = None, limit: int = 100) -> list[Row]:
    """Requests, newest first."""
    wanted = select(SupportRequest, Customer.name).join(Customer, Customer.id == SupportRequest.customer_id)
    if installation is not None:
        wanted = wanted.where(SupportRequest.installation_id == installation)
    newest = wanted.order_by(SupportRequest.made_at.desc(), SupportRequest.number.desc()).limit(limit)
    with store.reading(EVERYBODY) as session:
        return [_row(row, customer, now) for row, customer in session.execute(newest)]


def answer_of(store: Store, request: str) -> bytes | None:
    """The exact bytes of the batch that answered a request last, or None without an answer that is still here."""
    with store.reading(EVERYBODY) as session:
        row = session.get(SupportRequest, request)
        if row is None or row.answer is None:
            return None
        mine = select(Batch).where(Batch.installation_id == row.installation_id, Batch.sha256 == row.answer)
        batch = session.scalars(mine).first()
        return None if batch is None else storing.body_of(session, batch)


def chained(store: Store, installation: str) -> bool:
    """Whether the chain of an installation's requests is whole: none changed, none taken out of the middle."""
    before = _FIRST
    wanted = select(SupportRequest).where(SupportRequest.installation_id == installation)
    with store.reading(EVERYBODY) as session:
        for number, row in enumerate(session.scalars(wanted.order_by(SupportRequest.number)), 1):
            before = hashlib.sha256((before + support.digest(row.document)).encode()).hexdigest()
            if (row.number, row.chain) != (number, before):
                return False
    return True


def _request(wish: Wish, now: datetime) -> support.Request:
    return support.Request(
        asked_at=support.text(now),
        expires_at=support.text(now + timedelta(days=wish.days)),
        extends=wish.extends,
        id=secrets.token_hex(16),
        installation=wish.installation,
        name=wish.name,
        reason=wish.reason,  # type: ignore[arg-type]
        requester=wish.requester,
        role=wish.role,  # type: ignore[arg-type]
        routes=sorted(set(wish.routes)),
        seconds=wish.minutes * 60,
        ticket=wish.ticket,
    )


def _last(session: Session, installation: str) -> tuple[int, str]:
    mine = SupportRequest.installation_id == installation
    number = session.scalar(select(func.max(SupportRequest.number)).where(mine)) or 0
    if not number:
        return 0, _FIRST
    return number, session.scalars(select(SupportRequest.chain).where(mine, SupportRequest.number == number)).one()


def _decided(message: dict[str, Any]) -> Told | None:
    if message.get("kind") != DECIDED or "request" not in message or "decision" not in message:
        return None
    ends = message.get("ends_at")
    ends_at = datetime.fromisoformat(ends).astimezone(UTC) if ends else None
    grants = message["decision"] == GRANTED
    if grants and "grant" not in message:
        return None
    return Told(message["request"], message["decision"], message.get("why"), message.get("grant"), ends_at, grants)


def _row(row: SupportRequest, customer: str, now: datetime) -> Row:
    asked = support.read_unverified(row.document)
    state = row.decision or ("withdrawn" if row.withdrawn_at else "over" if row.expires_at <= now else "asked")
    return Row(
        row.id,
        row.installation_id,
        customer,
        state,
        tuple(asked.routes),
        asked.reason,
        asked.ticket,
        asked.seconds,
        row.made_at,
        row.made_by,
        row.expires_at,
        row.why,
        row.grant_id,
        row.ends_at,
        row.answer,
        row.chain,
    )


def _no_grant(why: str) -> Answer:
    hint = "nothing of it was stored; answers of support need a request of ours, and a grant"
    return Answer(400, "no-grant", why, hint)
