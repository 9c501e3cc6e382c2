"""What people of the staff did: noted where no other row tells it, and read together for one installation.

Leaves to others: doing it. Rules: which columns name a person is read from the schema (`actor`, `assigned_to`, and
`…_by` beside `…_at`), so that a new one is shown with the others; WORDS says what each of them means, and a test
demands its line.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Column, MetaData, Table, select
from sqlalchemy.orm import Session

from corporate import holdings
from corporate.database import EVERYBODY, Store
from corporate.models import Act, Base, Installation

ACCOUNT_ADDED, ACCOUNT_REMOVED, PASSWORD_SET = "account-added", "account-removed", "password-set"
SIGNATURE_ALLOWED, SIGNATURE_DEMANDED = "signature-allowed", "certificate-demanded"
MOST = 200
_NO_PERSON = frozenset({"enrolment_token.used_by"})

WORDS: Mapping[str, str] = {
    "act.actor": "",
    "ask.lifted_by": "lifted what was asked of it",
    "ask.made_by": "asked it for less",
    "carried.actor": "took in a file that was carried by hand",
    "conflict.settled_by": "said that a conflict is settled",
    "deletion.asked_by": "had something deleted",
    "enrolment_token.made_by": "made the token that it enrolled with",
    "incident.closed_by": "closed an incident",
    "installation.revoked_by": "revoked it",
    "support_request.made_by": "asked it for support",
    "support_request.withdrawn_by": "withdrew a request of support",
}
"""What somebody did whose name stands in a column. A row of `act` says it itself."""


@dataclass(frozen=True, slots=True)
class Done:
    """One thing that somebody did: `who` is an account's name, `os:` and a user, or the installation itself."""

    at: datetime
    who: str
    what: str


def note(session: Session, actor: str, what: str, now: datetime, about: Installation | str) -> None:
    """Note that `actor` did `what` to an installation, or to an account; inside a write transaction."""
    row = Act(at=now, actor=actor, what=what)
    if isinstance(about, str):
        row.subject = about
    else:
        row.customer_id, row.installation_id = about.customer_id, about.id
    session.add(row)


def of_installation(store: Store, installation: str) -> list[Done]:
    """What people did about `installation`, newest first, at most MOST."""
    with store.reading(EVERYBODY) as session:
        found = [done for table in holdings.tables() for done in _done(session, table, installation)]
    return sorted(found, key=lambda done: done.at, reverse=True)[:MOST]


def naming(metadata: MetaData = Base.metadata) -> Iterator[tuple[Table, Column[str]]]:
    """Every column that names a person of the staff."""
    for table in metadata.sorted_tables:
        for column in table.columns:
            by = column.name in ("actor", "assigned_to") or column.name.endswith("_by")
            if by and f"{table.name}.{column.name}" not in _NO_PERSON:
                yield table, column


def _done(session: Session, table: Table, installation: str) -> Iterator[Done]:
    for column in (found for of, found in naming() if of is table):
        at = table.c[_moment(column.name)]
        what = table.c.what if table.name == Act.__tablename__ else None
        wanted = select(at, column, *(() if what is None else (what,)))
        wanted = wanted.where(holdings.about(table, installation), column.is_not(None)).order_by(at.desc())
        for moment, who, *said in session.execute(wanted.limit(MOST)):
            words = said[0].replace("-", " ") if said else WORDS[f"{table.name}.{column.name}"]
            yield Done(moment, who, words)


def _moment(name: str) -> str:
    """The column that says when, beside the one that says who."""
    return {"actor": "at", "asked_by": "deleted_at"}.get(name, name.removesuffix("_by") + "_at")
