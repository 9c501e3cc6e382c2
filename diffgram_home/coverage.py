"""Which declared fields ever left, and whether anything left that is not declared: counted from the ledger itself.

A catalogue says what may leave. What really left of it is counted here from the exact bytes of each accepted batch and
request, so that the customer sees which fields are declared and never used, and that nothing else is among the rest
(research/governance.md, G10 and acceptance check 9). Rules:

- Counted behind the sending, from the leaves of outcomes in their order; each leaf once, whatever is killed when.
- Names and sums only, never a value. Bytes that were let go before they were counted are passed over.
- The envelope is not in the bytes: HTTP and TLS write it around them with every connection. It is not counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit import record
from audit.catalogue import ENVELOPE, HEADER, Catalogue
from diffgram_home import bodies, counting, facts
from diffgram_home.home import Home
from diffgram_home.models import Covered, Leaf
from diffgram_home.rules import CODEC

FACT: Final = "covered"
NOTICE: Final = "left-undeclared"
_ENDS: Final = ("outcome", "outcome-by-hand", "answer")
_AT_A_TIME: Final = 64
_WANTED = select(Leaf).where(Leaf.type.in_(_ENDS)).order_by(Leaf.position).limit(_AT_A_TIME)


@dataclass(frozen=True, slots=True)
class Coverage:
    """What left of one field: in how many messages, first and last when; zero and None when it never did.

    `messages` is None for a field of the envelope, which leaves with every connection.
    """

    field: str
    case: str
    messages: int | None
    first_at: datetime | None
    last_at: datetime | None


def count(home: Home, now: datetime) -> int:
    """Count what was accepted since the last time; returns how many leaves were looked at. Raises StoreError."""
    looked = 0
    with home.store.read() as session:
        waiting = session.scalars(_after(session)).first() is not None
    while waiting:
        with home.store.write() as session:
            leaves = session.scalars(_after(session)).all()
            for leaf in leaves:
                _count_one(home, session, leaf, now)
            if leaves:
                facts.put(session, FACT, leaves[-1].position)
        looked += len(leaves)
        waiting = len(leaves) == _AT_A_TIME
    return looked


def listed(home: Home) -> tuple[Coverage, ...]:
    """Every field that is declared now, in the catalogue's order, with what left of it. Raises StoreError."""
    with home.store.read() as session:
        left = {row.field: row for row in session.scalars(select(Covered))}
    found = []
    for field in home.catalogue.fields.values():
        row = left.get(field.name)
        if row is not None:
            found.append(Coverage(field.name, field.case, row.messages, row.first_at, row.last_at))
        elif field.removed is None:
            messages = None if ENVELOPE in field.kinds else 0
            found.append(Coverage(field.name, field.case, messages, None, None))
    return tuple(found)


def never(rows: Iterable[Coverage]) -> tuple[Coverage, ...]:
    """Those that are declared and never left."""
    return tuple(row for row in rows if row.messages == 0)


def named(body: bytes, catalogue: Catalogue) -> tuple[Counter[str], Counter[str]]:
    """How many messages of `body` hold each field, and how many hold a key that `catalogue` does not declare.

    The second is counted by kind alone: a key that nobody declared may be a name.
    """
    keys: Counter[tuple[str, tuple[str, ...]]] = Counter()
    for message in _messages(body):
        keys[str(message["kind"]), tuple(message)] += 1
    fields: Counter[str] = Counter()
    strange: Counter[str] = Counter()
    for (kind, held), number in keys.items():
        declared = catalogue.of_kind(kind) if kind in catalogue.kinds else {}
        for key in held:
            if key in declared:
                fields[declared[key].name] += number
            elif key != "kind":
                strange[kind if kind in catalogue.kinds else "<undeclared>"] += number
    return fields, strange


def _messages(body: bytes) -> Iterator[Mapping[str, Any]]:
    """The lines of a batch, or the one of a request; the header of a batch names no kind, being the first line."""
    for number, line in enumerate(CODEC.decode_lines(body)):
        yield {"kind": HEADER, **line} if number == 0 and "kind" not in line else line


def _after(session: Session) -> Any:
    return _WANTED.where(Leaf.position > facts.get(session, FACT, -1))


def _count_one(home: Home, session: Session, leaf: Leaf, now: datetime) -> None:
    body = _accepted(session, record.parse(leaf.data))
    if body is None:
        return
    fields, strange = named(body, home.catalogue)
    _add(session, fields, leaf.at)
    if strange and home.catalogue.hash.encode() in body.partition(b"\n")[0]:
        _tell(session, strange, now)


def _accepted(session: Session, ended: record.Record) -> bytes | None:
    """The bytes that were accepted; None of what was not, or was let go meanwhile."""
    if not isinstance(ended, record.Outcome | record.OutcomeByHand | record.Answer) or ended.outcome != "accepted":
        return None
    if isinstance(ended, record.Answer):
        asked = record.parse(session.get_one(Leaf, ended.request).data)
        return bodies.get(session, asked.sha256) if isinstance(asked, record.Request) else None
    return bodies.get(session, ended.sha256)


def _add(session: Session, fields: Mapping[str, int], at: datetime) -> None:
    for name, messages in fields.items():
        row = session.get(Covered, name)
        if row is None:
            session.add(Covered(field=name, messages=messages, first_at=at, last_at=at))
        else:
            row.messages, row.last_at = row.messages + messages, at
    session.flush()


def _tell(session: Session, strange: Mapping[str, int], now: datetime) -> None:
    for kind, number in strange.items():
        text = f"{number} values of '{kind}' that the catalogue does not declare were accepted by corporate"
        hint = "declare it as an incident under Incidents; report it with the output of 'diffgram-home verify'"
        counting.notice(session, now, NOTICE, kind, text, hint, number)
