"""What the pages and commands show, as frozen values.

Leaves to others: rendering. Rules: reading changes nothing; lists are bounded and paged by key, so that a page costs
the same however long the history is.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, func, select, tuple_
from sqlalchemy.orm import Session

from corporate.database import EVERYBODY, Store
from corporate.models import (
    Batch,
    Certificate,
    Conflict,
    Customer,
    EnrolmentToken,
    Gap,
    Installation,
    Kind,
    Lane,
    Message,
    Refusal,
)

PAGE = 50


@dataclass(frozen=True, slots=True)
class InstallationRow:
    """One installation in the list. `missing` counts numbers, `undeclared` findings, `conflicts` places not settled."""

    id: str
    customer: str
    enrolled_at: datetime
    last_seen_at: datetime | None
    last_authenticated: str | None
    signature_allowed: bool
    revoked_at: datetime | None
    batches: int
    missing: int
    conflicts: int
    undeclared: int
    succeeds: str | None

    @property
    def troubled(self) -> bool:
        """Whether somebody should look at it."""
        return bool(self.missing or self.conflicts or self.undeclared)


@dataclass(frozen=True, slots=True)
class InstallationPage:
    """Everything about one installation."""

    row: InstallationRow
    lanes: tuple[Lane, ...]
    gaps: tuple[Gap, ...]
    conflicts: tuple[Conflict, ...]
    refusals: tuple[Refusal, ...]
    certificates: tuple[Certificate, ...]
    batches: tuple[Batch, ...]
    voids: tuple[Batch, ...]


@dataclass(frozen=True, slots=True)
class Received:
    """One message with the batch that brought it: hash and position identify it."""

    batch_id: int
    position: int
    kind: str
    line: str
    sha256: str
    case: str
    sequence: int
    installation: str
    customer: str
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Filter:
    """Which messages to show; None is all. `before` is batch and position of the last one seen."""

    kind: str | None = None
    case: str | None = None
    installation: str | None = None
    before: tuple[int, int] | None = None


def installations(store: Store) -> list[InstallationRow]:
    """All installations, by customer."""
    with store.reading(EVERYBODY) as session:
        return _rows(session, select(Installation, Customer.name))


def installation(store: Store, wanted: str) -> InstallationPage | None:
    """One installation, or None."""
    with store.reading(EVERYBODY) as session:
        rows = _rows(session, select(Installation, Customer.name).where(Installation.id == wanted))
        if not rows:
            return None
        newest = select(Batch).where(Batch.installation_id == wanted).order_by(Batch.id.desc()).limit(PAGE)
        return InstallationPage(
            row=rows[0],
            lanes=_of(session, Lane, wanted, Lane.case),
            gaps=_of(session, Gap, wanted, Gap.case, Gap.first),
            conflicts=_of(session, Conflict, wanted, Conflict.last_at.desc()),
            refusals=_of(session, Refusal, wanted, Refusal.last_at.desc()),
            certificates=_of(session, Certificate, wanted, Certificate.id.desc()),
            batches=tuple(session.execute(newest).scalars()),
            voids=tuple(session.execute(newest.where(Batch.void.is_not(None))).scalars()),
        )


def messages(store: Store, chosen: Filter) -> list[Received]:
    """The newest messages that fit `chosen`, at most PAGE."""
    with store.reading(EVERYBODY) as session:
        return [Received(*row) for row in session.execute(_messages(chosen))]


def kinds(store: Store) -> list[str]:
    """Kinds that have arrived, for the filter."""
    with store.reading(EVERYBODY) as session:
        return list(session.execute(select(Kind.name).order_by(Kind.name)).scalars())


def batch(store: Store, batch_id: int) -> tuple[Batch, str, list[str]] | None:
    """One batch, its customer's name, and its exact lines (the header first)."""
    with store.reading(EVERYBODY) as session:
        found = session.get(Batch, batch_id)
        if found is None:
            return None
        customer = session.get_one(Customer, found.customer_id).name
        lines = select(Message.line).where(Message.batch_id == batch_id).order_by(Message.position)
        return found, customer, [found.header, *session.execute(lines).scalars()]


@dataclass(frozen=True, slots=True)
class TokenRow:
    """An enrolment token; the token itself is not kept."""

    customer: str
    made_at: datetime
    made_by: str
    expires_at: datetime
    signature_allowed: bool
    used_at: datetime | None
    used_by: str | None


def tokens(store: Store) -> list[TokenRow]:
    """The newest enrolment tokens."""
    columns = ("made_at", "made_by", "expires_at", "signature_allowed", "used_at", "used_by")
    wanted = select(Customer.name, *(getattr(EnrolmentToken, name) for name in columns)).join(
        Customer, Customer.id == EnrolmentToken.customer_id
    )
    with store.reading(EVERYBODY) as session:
        found = session.execute(wanted.order_by(EnrolmentToken.id.desc()).limit(PAGE))
        return [TokenRow(*row) for row in found]


def customers(store: Store) -> list[str]:
    """Names of all customers."""
    with store.reading(EVERYBODY) as session:
        return list(session.execute(select(Customer.name).order_by(Customer.name)).scalars())


def _messages(chosen: Filter) -> Select[tuple[object, ...]]:
    wanted = (
        select(
            Message.batch_id,
            Message.position,
            Kind.name,
            Message.line,
            Batch.sha256,
            Batch.case,
            Batch.sequence,
            Batch.installation_id,
            Customer.name,
            Batch.received_at,
        )
        .join(Kind, Kind.id == Message.kind_id)
        .join(Batch, Batch.id == Message.batch_id)
        .join(Customer, Customer.id == Batch.customer_id)
    )
    if chosen.kind:
        wanted = wanted.where(Kind.name == chosen.kind)
    if chosen.case:
        wanted = wanted.where(Batch.case == chosen.case)
    if chosen.installation:
        wanted = wanted.where(Batch.installation_id == chosen.installation)
    if chosen.before:
        wanted = wanted.where(tuple_(Message.batch_id, Message.position) < tuple_(*chosen.before))
    return wanted.order_by(Message.batch_id.desc(), Message.position.desc()).limit(PAGE)


def _rows(session: Session, wanted: Select[tuple[Installation, str]]) -> list[InstallationRow]:
    joined = wanted.join(Customer, Customer.id == Installation.customer_id).order_by(Customer.name, Installation.id)
    found = session.execute(joined).all()
    ids = [row[0].id for row in found]
    highest = _sums(session, Lane.installation_id, Lane.highest, ids)
    missing = _sums(session, Gap.installation_id, Gap.last - Gap.first + 1, ids)
    conflicts = _sums(session, Conflict.installation_id, 1, ids, Conflict.settled_at.is_(None))
    undeclared = _sums(session, Refusal.installation_id, Refusal.count, ids, Refusal.code == "undeclared")
    return [
        InstallationRow(
            id=one.id,
            customer=customer,
            enrolled_at=one.enrolled_at,
            last_seen_at=one.last_seen_at,
            last_authenticated=one.last_authenticated,
            signature_allowed=one.signature_allowed,
            revoked_at=one.revoked_at,
            batches=highest.get(one.id, 0) - missing.get(one.id, 0),
            missing=missing.get(one.id, 0),
            conflicts=conflicts.get(one.id, 0),
            undeclared=undeclared.get(one.id, 0),
            succeeds=one.succeeds,
        )
        for one, customer in found
    ]


def _sums(session: Session, by: object, what: object, ids: list[str], *conditions: object) -> Mapping[str, int]:
    wanted = select(by, func.sum(what)).where(by.in_(ids), *conditions).group_by(by)  # type: ignore[attr-defined, call-overload]
    return {key: int(total) for key, total in session.execute(wanted)}


def _of(session: Session, table: type, wanted: str, *order: object) -> tuple:  # type: ignore[type-arg]
    found = select(table).where(table.installation_id == wanted).order_by(*order).limit(4 * PAGE)  # type: ignore[attr-defined, arg-type]
    return tuple(session.execute(found).scalars())
