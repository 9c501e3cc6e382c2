"""Everything that corporate holds about one installation: every table, how much, how old, for how long; and as a file.

Leaves to others: showing, deleting. Rules: the tables are read from the schema, so that a new one cannot be forgotten
(a test demands its line in ABOUT); nothing is left out of the file but what is not about this installation.
"""

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, MetaData, Table, func, select
from sqlalchemy.orm import Session

from corporate.database import EVERYBODY, Store
from corporate.models import Base, Batch, Customer, EnrolmentToken, Installation, IssuePart, Kind, Message

FORMAT = "diffgram-corporate-holdings/1"
_AT_A_TIME = 500
_TIMES = (
    "received_at",
    "arrived_at",
    "made_at",
    "first_at",
    "issued_at",
    "deleted_at",
    "enrolled_at",
    "at",
    "not_before",
)

ABOUT: Mapping[str, str] = {
    "act": "what our staff did to it, where no other table says so",
    "ask": "what our staff asked it to stop or reduce",
    "batch": "each number that arrived: hash, size, times, receipt; header and signature unless deleted",
    "carried": "imports of files that were carried by hand, with the answers given",
    "certificate": "certificates issued to it",
    "conflict": "statements of its identity that cannot both be true, by hash and number",
    "deletion": "what was asked to be deleted, and the statement that was signed",
    "enrolment_token": "the token that it enrolled with, as its hash",
    "gap": "numbers that have not arrived",
    "incident": "what was received undeclared: key paths and counts, and what was stated",
    "installation": "its identity: public key, when it enrolled and was last seen",
    "instruction": "the signed documents that told it what is asked of it",
    "issue_hour": "how many of its errors were counted in which hour, by issue and release",
    "issue_part": "what it showed of each issue: release, how often, first and last",
    "issue_shape": "shapes of values that its errors had, by hole of the message, and how often",
    "lane": "how far the numbers of each case go",
    "message": "the messages themselves, line by line",
    "refusal": "what it sent and we refused: codes, key paths, counts",
    "sighting": "which of its messages was counted as an error, where, and when it happened",
    "support_request": "what our support asked of it, and what was decided there",
}
"""Table → what stands in it, for the tables that hold something about an installation."""
NOT_ABOUT: Mapping[str, str] = {
    "account": "people of our staff",
    "alert": "what was noticed about issues: names of our code, and counts over everybody",
    "alert_cursor": "how far alerts have looked",
    "alert_delivery": "how telling our staff went",
    "catalogue": "what a release declares, alike for everybody",
    "customer": "the name of the customer, which stands beside each of its installations",
    "file": "the vendor's own sources",
    "issue": "names of the vendor's own code, and counts over all customers; gone with its last event",
    "issue_act": "what our staff did about an issue, and said; gone with the issue",
    "issue_group": "grouping keys, made of names of the vendor's own code; gone with the last event",
    "issue_rule": "overrides of grouping that our staff made",
    "kind": "names of kinds of messages, alike for everybody",
    "map_part": "positions of the vendor's own source maps",
    "map_source": "files that the vendor's own source maps name",
    "published": "the published list of catalogues, alike for everybody",
    "release_file": "what a release was built of, alike for everybody",
    "release_index": "what a release ships, alike for everybody",
    "release_signature": "what was signed about a release, alike for everybody",
    "signed_in": "sessions of our staff",
    "throttle": "failed sign-ins of our staff",
}
"""Table → why nothing in it is about an installation. Every table stands in one of the two."""


@dataclass(frozen=True, slots=True)
class Holding:
    """One table: what it is, its rows about this installation, and when the oldest and newest of them were made."""

    table: str
    about: str
    rows: int
    oldest: datetime | None
    newest: datetime | None


@dataclass(frozen=True, slots=True)
class Held:
    """All of it. Nothing is deleted by age in this release: what is kept stays until somebody deletes it."""

    installation: str
    customer: str
    tables: tuple[Holding, ...]


def held(store: Store, installation: str) -> Held | None:
    """What corporate holds about `installation`, or None for one that it does not know."""
    with store.reading(EVERYBODY) as session:
        known = session.get(Installation, installation)
        if known is None:
            return None
        customer = session.get_one(Customer, known.customer_id).name
        found = tuple(_holding(session, table, installation) for table in tables())
        return Held(installation, customer, found)


def export(store: Store, installation: str) -> Iterator[bytes]:
    """Yield the lines of a file with every row about `installation` (docs/formats/holdings.md)."""
    with store.reading(EVERYBODY) as session:
        known = session.get_one(Installation, installation)
        head = {"format": FORMAT, "installation": installation}
        yield _line(head | {"customer": session.get_one(Customer, known.customer_id).name})
        kinds = {one.id: one.name for one in session.execute(select(Kind)).scalars()}
        for table in tables():
            wanted = select(table).where(about(table, installation)).order_by(*table.primary_key)
            for row in session.execute(wanted).mappings().yield_per(_AT_A_TIME):
                yield _line({"row": plain(table, row, kinds), "table": table.name})


def plain(table: Table, row: Mapping[Any, Any], kinds: Mapping[int, str]) -> dict[str, Any]:
    """A row as the file has it; a message has its kind by name."""
    values = {str(name): _plain(value) for name, value in row.items()}
    if table.name == Message.__tablename__:
        values["kind"] = kinds[row["kind_id"]]
    return values


def unnamed(metadata: MetaData) -> list[str]:
    """Tables of `metadata` that neither ABOUT nor NOT_ABOUT names: nobody decided yet what they hold."""
    return sorted(metadata.tables.keys() - ABOUT.keys() - NOT_ABOUT.keys())


def referring(metadata: MetaData) -> list[str]:
    """Tables that refer to an installation, by a foreign key or a column of that name, at once or through another."""
    found = {Installation.__tablename__}
    while True:
        more = {name for name, table in metadata.tables.items() if name not in found and _refers(table, found)}
        if not more:
            return sorted(found)
        found |= more


def _refers(table: Table, found: set[str]) -> bool:
    names = {f"{name}_id" for name in found}
    return any(
        column.name in names or any(key.column.table.name in found for key in column.foreign_keys)
        for column in table.columns
    )


def tables() -> list[Table]:
    """Tables with rows about an installation, in the order of their names."""
    return [table for name, table in sorted(Base.metadata.tables.items()) if name in ABOUT]


def about(table: Table, installation: str) -> ColumnElement[bool]:
    """The rows of `table` about `installation`."""
    if table.name == Installation.__tablename__:
        return table.c.id == installation
    if table.name == EnrolmentToken.__tablename__:
        return table.c.used_by == installation
    if table.name == Message.__tablename__:
        return table.c.batch_id.in_(select(Batch.id).where(Batch.installation_id == installation))
    if "part_id" in table.c:
        return table.c.part_id.in_(select(IssuePart.id).where(IssuePart.installation_id == installation))
    return table.c.installation_id == installation


def _holding(session: Session, table: Table, installation: str) -> Holding:
    chosen = about(table, installation)
    at = _time_of(table)
    if table.name == Message.__tablename__:  # a message is as old as the batch that brought it
        wanted = select(func.count(), func.min(Batch.received_at), func.max(Batch.received_at))
        wanted = wanted.select_from(table.join(Batch, Batch.id == table.c.batch_id)).where(chosen)  # type: ignore[arg-type]
    elif at is None:
        return Holding(
            table.name, ABOUT[table.name], session.execute(select(func.count()).where(chosen)).scalar_one(), None, None
        )
    else:
        wanted = select(func.count(), func.min(at), func.max(at)).where(chosen)
    rows, oldest, newest = session.execute(wanted).one()
    return Holding(table.name, ABOUT[table.name], rows, oldest, newest)


def _time_of(table: Table) -> Column[Any] | None:
    found = next((name for name in _TIMES if name in table.c), None)
    return None if found is None else table.c[found]


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


def _line(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode() + b"\n"
