"""Removes what a deletion names, in every table that holds it; inside the caller's one transaction.

    messages and headers    whole batches: the lines go, the row keeps hash, number, size, times and receipt
    field values            the key leaves every line of its kinds; the batch's own bytes are no longer here
    issues                  what these messages were counted in: sightings, parts, hours, shapes, and what is then empty
    what was derived        counts of refusals and files of answers go with everything; nothing is cached anywhere else
    leaving                 every row of the installation but its own (revoked: nobody else may take the name) and the
                            deletions themselves

Leaves to others: who asked, what is signed, and what arrives later (deleting).
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Select, Table, bindparam, delete, func, select, update
from sqlalchemy.orm import Session

from audit import deletion
from audit.deletion import Scope
from corporate.issues import counting, forgetting
from corporate.issues.forgetting import Taken
from corporate.models import Base, Batch, Carried, EnrolmentToken, Installation, Kind, Message, Refusal

Pairs = frozenset[tuple[str, str]]
AT_A_TIME = 500
KEPT_OF_ONE = frozenset({"installation", "deletion"})
"""Tables whose rows stay when an installation has left."""
DERIVED: tuple[type[Base], ...] = (Refusal, Carried)
"""Tables made from what was received, which go with everything."""


@dataclass(slots=True)
class Removed:
    """What was removed: batches by case as (number, hash), rows by table; and batches that were empty before."""

    batches: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    already: int = 0

    def count(self, table: str, rows: int) -> None:
        """Add to the count of one kind of table; zero adds nothing."""
        if rows > 0:
            self.counts[table] = self.counts.get(table, 0) + rows

    def counted(self, tables: Mapping[str, int]) -> None:
        """Add rows by table."""
        for table, rows in tables.items():
            self.count(table, rows)

    def lanes(self) -> tuple[deletion.Lane, ...]:
        """The batches as a statement names them."""
        return tuple(deletion.lane(case, sorted(found)) for case, found in sorted(self.batches.items()))


def remove(session: Session, installation: str, scope: Scope, before_size: int, pairs: Pairs, now: datetime) -> Removed:
    """Remove what `scope` names of what was sealed before `before_size`."""
    made, taken = Removed(), Taken()
    mine = select(Batch).where(Batch.installation_id == installation, Batch.ledger_size < before_size)
    counting.lock(session)
    if scope.what == deletion.FIELD:
        _fields(session, mine, pairs, made, now)
        return made
    for chunk in _chunks(row for row in session.execute(_chosen(mine, scope)).scalars() if _in_range(row, scope)):
        forgetting.weigh(session, [row.id for row in chunk if row.deleted_at is None], taken)
        _empty(session, chunk, made, now)
    made.counted(forgetting.subtract(session, taken))
    if scope.what in (deletion.EVERYTHING, deletion.LEAVING):
        for table in DERIVED:
            _rows(session, table.__table__, installation, made)  # type: ignore[arg-type]
    if scope.what == deletion.LEAVING:
        _forget(session, installation, made, now)
    return made


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What a deletion would remove if it were made now.

    `batches` by case as (first number, last number, how many), `size_bytes` of what was received of them, `oldest` and
    `newest` when they arrived; `counts` and `already` as the statement would say them.
    """

    batches: Mapping[str, tuple[int, int, int]]
    counts: Mapping[str, int]
    already: int
    size_bytes: int
    oldest: datetime | None
    newest: datetime | None


def foresee(session: Session, installation: str, scope: Scope, before_size: int, pairs: Pairs) -> Foreseen:
    """Say what `remove` would remove, and change nothing: it chooses by the same functions."""
    mine = select(Batch).where(Batch.installation_id == installation, Batch.ledger_size < before_size)
    made, seen, taken = Removed(), _Seen(), Taken()
    if scope.what == deletion.FIELD:
        for chunk in _chunks(session.execute(mine.where(Batch.deleted_at.is_(None))).scalars()):
            changed = _changed(session, chunk, pairs)
            _weigh_lines(session, chunk, changed, taken)
            made.count("message", len(changed))
            altered = {int(one["in_batch"]) for one in changed}
            seen.add([row for row in chunk if row.id in altered])
        made.counted(forgetting.foreseen(session, taken))
        return seen.as_foreseen(made)
    for chunk in _chunks(row for row in session.execute(_chosen(mine, scope)).scalars() if _in_range(row, scope)):
        full = [row for row in chunk if row.deleted_at is None]
        made.already += len(chunk) - len(full)
        held = select(func.count()).select_from(Message).where(Message.batch_id.in_([row.id for row in full]))
        made.count("message", session.execute(held).scalar_one())
        made.count("batch", len(full))
        forgetting.weigh(session, [row.id for row in full], taken)
        seen.add(full)
    made.counted(forgetting.foreseen(session, taken))
    if scope.what == deletion.EVERYTHING:
        for table in DERIVED:
            wanted = select(func.count()).select_from(table).where(table.installation_id == installation)  # type: ignore[attr-defined]
            made.count(table.__tablename__, session.execute(wanted).scalar_one())
    return seen.as_foreseen(made)


@dataclass(slots=True)
class _Seen:
    """Batches that were looked at: by case the first number, the last and how many; their size and age."""

    cases: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    size_bytes: int = 0
    times: list[datetime] = field(default_factory=list)

    def add(self, rows: Sequence[Batch]) -> None:
        for row in rows:
            first, last, count = self.cases.get(row.case, (row.sequence, row.sequence, 0))
            self.cases[row.case] = min(first, row.sequence), max(last, row.sequence), count + 1
            self.size_bytes += row.size_bytes
            self.times = [min([*self.times, row.received_at]), max([*self.times, row.received_at])]

    def as_foreseen(self, made: Removed) -> Foreseen:
        oldest, newest = self.times or (None, None)
        return Foreseen(dict(sorted(self.cases.items())), made.counts, made.already, self.size_bytes, oldest, newest)


def covers(scope: Scope, case: str, sha256: str, sealed_at: datetime) -> bool:
    """Whether a batch that arrives now is of those that `scope` names as a whole."""
    if scope.what == deletion.BATCH:
        return scope.batch == sha256
    if scope.what == deletion.CASE:
        return scope.case == case
    if scope.what == deletion.RANGE:
        return scope.case in (None, case) and _between(scope, sealed_at)
    return scope.what != deletion.FIELD


def without(line: str, pairs: Pairs) -> str:
    """The line of a message without the fields that `pairs` name by kind and key."""
    values = json.loads(line)
    keys = {key for kind, key in pairs if kind == values.get("kind")} & values.keys()
    if not keys:
        return line
    return msgspec.json.encode({key: value for key, value in values.items() if key not in keys}).decode()


def _chosen(mine: Select[tuple[Batch]], scope: Scope) -> Select[tuple[Batch]]:
    if scope.what == deletion.BATCH:
        return mine.where(Batch.sha256 == scope.batch)
    return mine if scope.case is None else mine.where(Batch.case == scope.case)


def _in_range(row: Batch, scope: Scope) -> bool:
    """A batch that was emptied before has no header to tell when it was sealed: it is in no range any more."""
    if scope.what != deletion.RANGE:
        return True
    return row.deleted_at is None and _between(scope, datetime.fromisoformat(json.loads(row.header)["sealed_at"]))


def _between(scope: Scope, sealed_at: datetime) -> bool:
    return scope.from_ is not None and scope.until is not None and scope.from_ <= sealed_at < scope.until


def _empty(session: Session, chunk: Sequence[Batch], made: Removed, now: datetime) -> None:
    """Take header, signature and messages away from some batches."""
    full = [row for row in chunk if row.deleted_at is None]
    made.already += len(chunk) - len(full)
    gone = delete(Message).where(Message.batch_id.in_([row.id for row in full]))
    made.count("message", session.execute(gone.execution_options(synchronize_session=False)).rowcount)
    made.count("batch", len(full))
    for row in full:
        made.batches.setdefault(row.case, []).append((row.sequence, row.sha256))
        row.header, row.signature, row.deleted_at = "", "", now
    session.flush()


def _fields(session: Session, mine: Select[tuple[Batch]], pairs: Pairs, made: Removed, now: datetime) -> None:
    """Take one field out of every line that has it; the batches concerned are named."""
    taken = Taken()
    for chunk in _chunks(session.execute(mine.where(Batch.deleted_at.is_(None))).scalars()):
        by_id = {row.id: row for row in chunk}
        changed = _changed(session, chunk, pairs)
        if not changed:
            continue
        _weigh_lines(session, chunk, changed, taken)
        session.connection().execute(_SHORTER, changed)
        made.count("message", len(changed))
        for batch_id in sorted({int(one["in_batch"]) for one in changed}):
            row = by_id[batch_id]
            row.altered_at = now
            made.batches.setdefault(row.case, []).append((row.sequence, row.sha256))
        session.flush()
    made.counted(forgetting.subtract(session, taken))


def _weigh_lines(session: Session, chunk: Sequence[Batch], changed: Sequence[Mapping[str, Any]], taken: Taken) -> None:
    shorter = {(int(one["in_batch"]), int(one["at_position"])): str(one["new"]) for one in changed}
    forgetting.weigh_lines(session, shorter, {row.id: row.received_at for row in chunk}, taken)


def _changed(session: Session, chunk: Sequence[Batch], pairs: Pairs) -> list[dict[str, Any]]:
    """Every line of these batches that has one of the fields: where it stands, and what it is without."""
    kinds = select(Kind.id).where(Kind.name.in_({kind for kind, _ in pairs}))
    wanted = select(Message.batch_id, Message.position, Message.line).where(
        Message.batch_id.in_([row.id for row in chunk]), Message.kind_id.in_(kinds)
    )
    return [
        {"in_batch": batch, "at_position": position, "new": shorter}
        for batch, position, line in session.execute(wanted)
        if (shorter := without(line, pairs)) != line
    ]


_MESSAGE = Message.__table__
_SHORTER = (
    update(_MESSAGE)  # type: ignore[arg-type]
    .where(_MESSAGE.c.batch_id == bindparam("in_batch"), _MESSAGE.c.position == bindparam("at_position"))
    .values(line=bindparam("new"))
)


def _forget(session: Session, installation: str, made: Removed, now: datetime) -> None:
    """Every row of the installation goes, its certificates too; it is revoked for good."""
    session.flush()
    for table in reversed(Base.metadata.sorted_tables):
        if "installation_id" in table.c and table.name not in KEPT_OF_ONE:
            _rows(session, table, installation, made)
    used = delete(EnrolmentToken).where(EnrolmentToken.used_by == installation)
    made.count("enrolment_token", session.execute(used).rowcount)
    row = session.get_one(Installation, installation)
    row.last_seen_at = row.last_authenticated = None
    row.revoked_at, row.revoked_by = row.revoked_at or now, row.revoked_by or "the customer left"
    session.flush()


def _rows(session: Session, table: Table, installation: str, made: Removed) -> None:
    gone = session.connection().execute(delete(table).where(table.c.installation_id == installation))
    if table.name != Batch.__tablename__:  # those were counted when they were emptied
        made.count(table.name, gone.rowcount)


def _chunks(rows: Iterable[Batch]) -> Iterator[list[Batch]]:
    every = list(rows)
    for start in range(0, len(every), AT_A_TIME):
        yield every[start : start + AT_A_TIME]
