"""Reads batches after they were stored and counts their errors: exactly once, in bulk, and never inside ingest.

A batch says by `read_at` whether its errors were counted. Numbers of rows are no queue on PostgreSQL, since a lower one
may be committed later; a mark on each batch is, and it needs no order. One round is

    read     what is not read yet, its messages, and their groups: outside of any lock, it takes the most time
    write    the mark, if nobody else set it and no deletion changed the batch since; counts; states: one transaction

Killed anywhere, the next start goes on: without the commit nothing was marked and nothing counted. Two followers take
turns, and what the slower one read is already marked. A batch that was emptied, or lost a field, between read and write
is left for the next round, which reads it as it is then.

Leaves to others: counts (counting), the process (process). A batch that cannot be read (a fault of ours) is logged by
its number and passed over until the process starts again, so that it stops nobody else's.
"""

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from audit import index
from audit.catalogue import Catalogue
from corporate.database import EVERYBODY, Store
from corporate.errors import place_of
from corporate.issues import counting, rules, states
from corporate.issues.counting import Seen
from corporate.models import Batch, IssueRule, Kind, Message
from corporate.server import Corporate
from event.issue import Group, group_of, holes_of, words_of

_LOG = logging.getLogger(__name__)
TYPES = frozenset({"error_log", "script_log"})
"""Types of fields that hold an error."""
BATCHES = 50
"""So many batches are read in one round."""
MESSAGES = 20_000
"""A round ends sooner once it has so many messages: the lock is not held for long."""


_Changes = tuple[datetime | None, datetime | None]

_REMEMBERED = 10_000
_GROUPS: dict[tuple[Any, ...], Group] = {}
_NONE: Mapping[str, Any] = {}


@dataclass(slots=True)
class Round:
    """What one round read: batches with the times of what deletions did to them, and errors."""

    batches: dict[int, _Changes] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)


def catch_up(server: Corporate, now: datetime, passed_over: set[int] | None = None) -> int:
    """Count the errors of every batch that is not read yet; returns how many errors. Commits round by round."""
    failed = set() if passed_over is None else passed_over
    total = 0
    while (found := read(server, failed)).batches:
        total += write(server, found, now)
    with server.store.reading(EVERYBODY) as session:
        due = states.due(session, now)
    if due:
        with server.store.writing(EVERYBODY) as session:
            counting.lock(session)
            states.wake(session, now)
    return total


def read(server: Corporate, failed: set[int]) -> Round:
    """What is to be counted next; changes nothing. Batches that cannot be read are added to `failed`."""
    made = Round()
    wanted = select(Batch).where(Batch.read_at.is_(None), Batch.id.not_in(failed)).order_by(Batch.id).limit(BATCHES)
    with server.store.reading(EVERYBODY) as session:
        stated = rules.every(session)
        kinds = {name: number for number, name in session.execute(select(Kind.id, Kind.name))}
        for batch in session.execute(wanted).scalars():
            try:
                seen = list(_errors(server, session, batch, kinds, stated))
            except Exception as error:
                _LOG.error("the errors of batch %d cannot be read: %s at %s", batch.id, *_fault(error))
                failed.add(batch.id)
                continue
            made.batches[batch.id] = batch.altered_at, batch.deleted_at
            made.seen += seen
            if len(made.seen) >= MESSAGES:
                break
    return made


def write(server: Corporate, found: Round, now: datetime) -> int:
    """Mark and count what is still as it was read; returns how many errors."""
    with server.store.writing(EVERYBODY) as session:
        counting.lock(session)
        same = _mark(session, found.batches, now)
        seen = [one for one in found.seen if one.batch_id in same]
        counting.add(session, seen, now)
        return len(seen)


def waiting_since(store: Store) -> datetime | None:
    """When the batch arrived that waits longest to be read; None where none does."""
    wanted = select(Batch.received_at).where(Batch.read_at.is_(None)).order_by(Batch.id).limit(1)
    with store.reading(EVERYBODY) as session:
        return session.execute(wanted).scalar_one_or_none()


def moment(values: Mapping[str, Any], received_at: datetime) -> datetime:
    """When it happened, by the message; by its arrival where that does not say, or says a time after it."""
    text = values.get("at")
    if not isinstance(text, str):
        return received_at
    found = datetime.fromisoformat(text)
    at = found.replace(tzinfo=UTC) if found.tzinfo is None else found
    return min(at, received_at)


def error_of(values: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The error in a message: the one value that is a chain with frames; None where it was not sent, or deleted."""
    return next((value for value in values.values() if type(value) is dict and "chain" in value), None)


def kinds_of(known: Catalogue) -> set[str]:
    """The kinds of messages that may have an error in them."""
    return {kind for one in known.fields.values() if one.type in TYPES for kind in one.kinds}


def _errors(
    server: Corporate, session: Session, batch: Batch, kinds: Mapping[str, int], stated: Sequence[IssueRule]
) -> Iterable[Seen]:
    if batch.deleted_at is not None or not batch.messages:
        return
    header = json.loads(batch.header)
    known = server.catalogue(header["catalogue"])
    places = server.index(header["index"]) or index.EMPTY
    numbers = [kinds[name] for name in (kinds_of(known) if known is not None else ()) if name in kinds]
    wanted = select(Message.position, Message.line).where(Message.batch_id == batch.id, Message.kind_id.in_(numbers))
    for position, line in session.execute(wanted) if numbers else ():
        if '"chain"' not in line:  # most messages of a kind that may have an error have none: not worth decoding
            continue
        values = msgspec.json.decode(line)
        error_log = error_of(values)
        if error_log is None:
            continue
        yield Seen(
            batch.id,
            position,
            batch.customer_id,
            batch.installation_id,
            places.release,
            moment(values, batch.received_at),
            rules.overridden(stated, error_log, _group(error_log, places)),
            tuple(holes_of(error_log)),
        )


def _group(error_log: Mapping[str, Any], places: index.Index) -> Group:
    """The group, remembered by all that it is made of: most errors are like one before."""
    links = ((link["type"], words_of(link), link.get("code_text", _NONE).get("at")) for link in error_log["chain"])
    known = (places.hash, *links, *map(tuple, error_log["frames"]))
    found = _GROUPS.get(known)
    if found is None:
        if len(_GROUPS) >= _REMEMBERED:
            _GROUPS.clear()
        found = _GROUPS[known] = group_of(error_log, places)
    return found


def _mark(session: Session, batches: Mapping[int, _Changes], now: datetime) -> set[int]:
    """Mark as read what still is as it was when it was read; waits for a deletion that is under way."""
    held = select(Batch.id, Batch.altered_at, Batch.deleted_at).where(Batch.id.in_(batches), Batch.read_at.is_(None))
    same = {number for number, *changes in session.execute(held.with_for_update()) if (*changes,) == batches[number]}
    change = update(Batch).where(Batch.id.in_(same)).values(read_at=now)
    session.execute(change.execution_options(synchronize_session=False))
    return same


def _fault(error: Exception) -> tuple[str, str]:
    return type(error).__name__, place_of(error)
