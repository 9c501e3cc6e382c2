"""Asks installations for less: to stop or reduce a case, a kind or a field, for a time; in signed documents.

What a document can say is `audit.instructions`'; it rides on the answers to batches (`ingest`). Rules:

- Nothing here can widen anything: there is no word for it. An ask has an end; lifting it takes it out of the document.
- Whoever asks or lifts is recorded. Each change makes a document with the next number for every installation concerned.
- An installation that sends nothing hears nothing (there are no polls): what it was asked then ends by its date.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import bindparam, func, or_, select
from sqlalchemy.orm import Session

from audit import instructions
from audit.catalogue import CASES
from audit.modes import MODES
from corporate import releases
from corporate.database import EVERYBODY, Store
from corporate.errors import OperatorError
from corporate.models import Ask, Customer, Installation, Instruction

LONGEST_DAYS = 365
LIFTED = timedelta(days=60)
"""How long a document that asks for nothing is told, so that what an earlier one asked ends before its date."""
_CURRENT = (  # asked with every batch: made once
    select(Instruction.document, Instruction.expires_at)
    .where(Instruction.installation_id == bindparam("installation"))
    .order_by(Instruction.number.desc())
    .limit(1)
)
_WRAPPING = ("home.header.", "home.envelope.")


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody of the staff asks for: `installation`, or with None all of `customer`; `days` from now."""

    customer: str
    installation: str | None
    what: str
    name: str
    to: str
    why: str
    days: int


def ask(store: Store, key: Ed25519PrivateKey, wish: Wish, actor: str, now: datetime) -> int:
    """Record `wish` and sign what follows from it; returns its number. Raises OperatorError."""
    _check(store, wish)
    with store.writing(EVERYBODY) as session:
        customer = _customer(session, wish)
        made = Ask(
            customer_id=customer,
            installation_id=wish.installation,
            what=wish.what,
            name=wish.name,
            to=wish.to,
            why=wish.why,
            until=(now + timedelta(days=wish.days)).replace(microsecond=0),
            made_at=now,
            made_by=actor,
        )
        session.add(made)
        session.flush()
        _issue_all(session, customer, wish.installation, key, now)
        return made.id


def lift(store: Store, key: Ed25519PrivateKey, number: int, actor: str, now: datetime) -> None:
    """Ask no longer. Raises OperatorError for an ask that is unknown, lifted or over."""
    with store.writing(EVERYBODY) as session:
        found = session.get(Ask, number)
        if found is None or found.lifted_at is not None or found.until <= now:
            raise OperatorError("ask", f"nothing is asked under the number {number}", "see diffgram-corporate asks")
        found.lifted_at, found.lifted_by = now, actor
        session.flush()
        _issue_all(session, found.customer_id, found.installation_id, key, now)


def issue(session: Session, installation: Installation, key: Ed25519PrivateKey, now: datetime) -> None:
    """Sign everything that is asked of one installation now, under its next number."""
    last = select(func.max(Instruction.number)).where(Instruction.installation_id == installation.id)
    number = (session.execute(last).scalar_one_or_none() or 0) + 1
    asks = _asks(session, installation, now)
    issued_at = now.replace(microsecond=0)
    expires_at = max((one.until for one in asks), default=issued_at + LIFTED)
    document = instructions.Instructions(installation.id, number, issued_at, expires_at, asks)
    session.add(
        Instruction(
            installation_id=installation.id,
            number=number,
            customer_id=installation.customer_id,
            issued_at=issued_at,
            expires_at=expires_at,
            document=instructions.issue(document, key),
        )
    )


def issue_first(session: Session, installation: Installation, key: Ed25519PrivateKey | None, now: datetime) -> None:
    """For an installation that has just enrolled: tell it what is asked of all of its customer, if anything is."""
    if key is not None and _asks(session, installation, now):
        issue(session, installation, key, now)


def current(store: Store, installation: str, customer: int, now: datetime) -> str | None:
    """The document that rides on an answer to `installation` now, or None."""
    with store.reading(customer) as session:
        found = session.execute(_CURRENT, {"installation": installation}).one_or_none()
    return found[0] if found is not None and found[1] > now else None


@dataclass(frozen=True, slots=True)
class Row:
    """One ask in a list."""

    id: int
    customer: str
    installation: str | None
    what: str
    name: str
    to: str
    why: str
    until: datetime
    made_at: datetime
    made_by: str
    lifted_at: datetime | None
    lifted_by: str | None

    def holds(self, now: datetime) -> bool:
        """Whether it is asked now."""
        return self.lifted_at is None and self.until > now


def listed(store: Store, *, installation: str | None = None, limit: int = 100) -> list[Row]:
    """Asks, newest first: all, or those that concern one installation."""
    names = ("installation_id", "what", "name", "to", "why", "until", "made_at", "made_by", "lifted_at", "lifted_by")
    wanted = select(Ask.id, Customer.name, *(getattr(Ask, name) for name in names)).join(
        Customer, Customer.id == Ask.customer_id
    )
    with store.reading(EVERYBODY) as session:
        if installation is not None:
            known = session.get(Installation, installation)
            if known is None:
                return []
            wanted = wanted.where(_concerns(known))
        return [Row(*row) for row in session.execute(wanted.order_by(Ask.id.desc()).limit(limit))]


def _asks(session: Session, installation: Installation, now: datetime) -> tuple[instructions.Ask, ...]:
    """What is asked now, each thing once, for as long as anybody asks it."""
    wanted = select(Ask).where(_concerns(installation), Ask.lifted_at.is_(None), Ask.until > now).order_by(Ask.id)
    found: dict[tuple[str, str, str], instructions.Ask] = {}
    for row in session.execute(wanted).scalars():
        new = instructions.Ask(row.what, row.name, row.to, row.until, row.why)
        old = found.get((row.what, row.name, row.to))
        found[row.what, row.name, row.to] = new if old is None or new.until > old.until else old
    if len(found) > instructions.MOST_ASKS:
        raise OperatorError("ask", f"more than {instructions.MOST_ASKS} things are asked", "lift some first")
    return tuple(sorted(found.values()))


def _concerns(installation: Installation):  # type: ignore[no-untyped-def]
    everywhere = Ask.installation_id.is_(None) & (Ask.customer_id == installation.customer_id)
    return or_(Ask.installation_id == installation.id, everywhere)


def _issue_all(
    session: Session, customer: int, installation: str | None, key: Ed25519PrivateKey, now: datetime
) -> None:
    wanted = select(Installation).where(Installation.customer_id == customer, Installation.revoked_at.is_(None))
    if installation is not None:
        wanted = wanted.where(Installation.id == installation)
    for one in session.execute(wanted.with_for_update()).scalars().all():
        issue(session, one, key, now)


def _customer(session: Session, wish: Wish) -> int:
    if wish.installation is not None:
        known = session.get(Installation, wish.installation)
        if known is None:
            raise OperatorError(
                "installation", f"no installation {wish.installation!r}", "see diffgram-corporate installations"
            )
        return known.customer_id
    found = session.execute(select(Customer.id).where(Customer.name == wish.customer)).scalar_one_or_none()
    if found is None:
        raise OperatorError("customer", f"no customer {wish.customer!r}", "see diffgram-corporate installations")
    return found


def _check(store: Store, wish: Wish) -> None:
    offered = instructions.TO.get(wish.what, ())
    if wish.what == instructions.CASE and wish.name in CASES:
        offered = tuple(mode for mode in MODES[wish.name] if mode != "on")
    if wish.to not in offered:
        hint = f"for a {wish.what} write one of: {', '.join(offered)}"
        raise OperatorError("ask", f"a {wish.what} cannot be asked to be {wish.to!r}", hint)
    if wish.why not in instructions.WHYS or not 1 <= wish.days <= LONGEST_DAYS:
        hint = f"give a reason ({', '.join(instructions.WHYS)}) and 1 to {LONGEST_DAYS} days"
        raise OperatorError("ask", "an ask needs a reason and an end", hint)
    if wish.what == instructions.FIELD and wish.name.startswith(_WRAPPING):
        raise OperatorError("ask", f"without {wish.name!r} nothing could be sent", "ask for the case instead")
    if wish.name not in _known(store, wish.what):
        raise OperatorError("ask", f"no release has the {wish.what} {wish.name!r}", "see diffgram-corporate release")


def _known(store: Store, what: str) -> set[str]:
    """Names in every catalogue that batches may name."""
    if what == instructions.CASE:
        return set(CASES)
    names: set[str] = set()
    for row in releases.every(store):
        found = releases.find_catalogue(store, row.hash) if row.what == "catalogue" else None
        if found is not None:
            names |= set(found.kinds if what == instructions.KIND else found.fields)
    return names
