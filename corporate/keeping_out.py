"""Keeps out what was asked to be deleted before it arrived, and tells what was deleted without being asked from there.

Leaves to others: deleting, and storing. Rules: what counts is the size of the ledger at sealing, not a clock; the look
is one index range a batch, and nearly always finds nothing.
"""

import json

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from audit.deletion import Scope
from audit.gate import Header
from corporate import removing
from corporate.database import Store
from corporate.models import Deletion
from corporate.removing import Pairs

TELL = 3
"""On so many answers a statement rides that nobody at the installation asked for: an answer can be lost."""


def standing(session: Session, installation: str, header: Header) -> list[Deletion]:
    """Deletions that a batch which arrives now was sealed before; nearly always none."""
    wanted = select(Deletion).where(Deletion.installation_id == installation, Deletion.before_size > header.ledger_size)
    return list(session.execute(wanted.order_by(Deletion.id)).scalars())


def keeps_out(held: list[Deletion], header: Header, sha256: str) -> bool:
    """Whether nothing of this batch may be stored any more."""
    return any(removing.covers(_scope(row), header.case, sha256, header.sealed_at) for row in held)


def pairs_of(held: list[Deletion]) -> Pairs:
    """The fields, as kind and key, that may not be stored any more."""
    return frozenset((kind, key) for row in held if row.pairs for kind, key in json.loads(row.pairs))


def untold(store: Store, installation: str, customer: int) -> str | None:
    """A statement that nobody at the installation asked for, to ride on an answer; None when all were told."""
    wanted = select(Deletion).where(Deletion.installation_id == installation, Deletion.told < TELL)
    with store.reading(customer) as session:
        found = session.execute(wanted.order_by(Deletion.told, Deletion.id).limit(1)).scalar_one_or_none()
    if found is None:
        return None
    with store.writing(customer) as session:
        session.execute(update(Deletion).where(Deletion.id == found.id).values(told=Deletion.told + 1))
    return found.document


def _scope(row: Deletion) -> Scope:
    return Scope(row.what, row.case, row.batch, None, row.from_at, row.until_at)
