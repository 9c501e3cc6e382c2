"""Unexpected Data Transfers: what arrived undeclared is kept nowhere, told in the answer, and has a timeline here; and
so has what a customer declared ("this should not have left"), with the statement of its deletion.

The statements' forms are `audit.incident`'s and `audit.deletion`'s. Rules: key paths up to the last declared key and
counts, never content; the same bytes again are the same incident with the same statement; only a person closes one.
"""

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import select
from sqlalchemy.orm import Session

from audit import incident
from corporate.database import EVERYBODY, Store
from corporate.errors import OperatorError
from corporate.identity import Sender
from corporate.models import Customer, Incident

CORPORATE, CUSTOMER = "corporate", "customer"
"""Who noticed it: we, as undeclared content arrived, or the customer, who declared it."""
TOKEN_DIGITS = 32


@dataclass(frozen=True, slots=True)
class Row:
    """One incident in a list, with its timeline: arrived (or declared), told, deleted, closed."""

    token: str
    customer: str
    installation: str
    source: str
    sha256: str
    paths: Mapping[str, int]
    arrived_at: datetime
    told_at: datetime
    deleted_at: datetime | None
    statement: str | None
    closed_at: datetime | None
    closed_by: str | None


def arrived(
    session: Session,
    sender: Sender,
    sha256: str,
    paths: Mapping[str, int],
    key: Ed25519PrivateKey | None,
    now: datetime,
) -> str | None:
    """Open the incident of the body `sha256`, of which nothing is kept; returns the signed statement for the answer.

    None where no key signs statements yet. Inside a transaction that holds the installation's row.
    """
    wanted = select(Incident).where(Incident.installation_id == sender.installation, Incident.sha256 == sha256)
    known = session.execute(wanted).scalar_one_or_none()
    if known is not None:
        return known.statement
    token, counted = secrets.token_hex(16), dict(sorted(paths.items())[: incident.MOST_PATHS])
    stated = incident.Incident(token, sender.installation, sha256, counted, now)
    statement = None if key is None else incident.issue(stated, key)
    session.add(
        Incident(
            customer_id=sender.customer,
            installation_id=sender.installation,
            token=token,
            source=CORPORATE,
            sha256=sha256,
            paths=json.dumps(counted),
            arrived_at=now,
            told_at=now,
            deleted_at=now,
            statement=statement,
        )
    )
    return statement


def declared(
    session: Session, installation: str, customer: int, sha256: str, what: Sequence[str], statement: str, now: datetime
) -> None:
    """A customer declared by the request `sha256` that `what` should not have left, and it was deleted just now.

    `statement` is that of the deletion. Both sides call the incident by the beginning of the request's hash. Inside the
    transaction that deletes.
    """
    row = Incident(customer_id=customer, installation_id=installation, token=sha256[:TOKEN_DIGITS], source=CUSTOMER)
    row.sha256, row.paths, row.statement = sha256, json.dumps(dict.fromkeys(what, 1)), statement
    row.arrived_at = row.told_at = row.deleted_at = now
    session.add(row)


def close(store: Store, token: str, actor: str, now: datetime) -> None:
    """Somebody of the staff has seen to it. Raises OperatorError for one that is unknown or closed."""
    with store.writing(EVERYBODY) as session:
        found = session.execute(select(Incident).where(Incident.token == token)).scalar_one_or_none()
        if found is None or found.closed_at is not None:
            raise OperatorError("incident", f"no incident {token!r} is open", "see diffgram-corporate incidents")
        found.closed_at, found.closed_by = now, actor


def listed(store: Store, *, installation: str | None = None, limit: int = 100) -> list[Row]:
    """Incidents, newest first: all, or those of one installation."""
    names = ("sha256", "paths", "arrived_at", "told_at", "deleted_at", "statement", "closed_at", "closed_by")
    columns = (getattr(Incident, name) for name in names)
    wanted = select(Incident.token, Customer.name, Incident.installation_id, Incident.source, *columns)
    wanted = wanted.join(Customer, Customer.id == Incident.customer_id).order_by(Incident.id.desc()).limit(limit)
    if installation is not None:
        wanted = wanted.where(Incident.installation_id == installation)
    with store.reading(EVERYBODY) as session:
        return [Row(*row[:5], json.loads(row[5]), *row[6:]) for row in session.execute(wanted)]
