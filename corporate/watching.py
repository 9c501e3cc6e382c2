"""What does not fit: contradictions of one identity, and what it sent that was refused.

Leaves to others: showing it (reading, pages). Rules: an identity is one machine with one ledger. Two bodies under one
number, two roots for one ledger size, or a ledger that shrinks from one batch to the next mean that two machines use
it (a clone), or that a ledger was rewritten. Both batches of a ledger conflict are stored: they are declared, signed,
and the evidence.
Counts never hold content: a code, and the key path up to its last declared key.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Row, bindparam, select
from sqlalchemy.orm import Session

from audit.gate import Header
from corporate.database import Store
from corporate.identity import Sender
from corporate.models import Batch, Conflict, Refusal

_PATH_CHARACTERS = 200

# Asked with every batch: made once, since putting a statement together costs more than the database's answer.
_KEPT = select(Batch.ledger_size, Batch.sha256).where(Batch.installation_id == bindparam("installation")).limit(1)
_SAME_SIZE = _KEPT.where(Batch.ledger_size == bindparam("size"), Batch.ledger_root != bindparam("root"))
_MINE = _KEPT.where(Batch.case == bindparam("wanted_case"), Batch.void.is_(None))
_EARLIER = _MINE.where(Batch.sequence < bindparam("number")).order_by(Batch.sequence.desc())
_LATER = _MINE.where(Batch.sequence > bindparam("number")).order_by(Batch.sequence)


@dataclass(frozen=True, slots=True)
class Kept:
    """Of a batch that is stored here: the size of the ledger that it names, and its hash."""

    ledger_size: int
    sha256: str


def compare_ledgers(
    store: Store, session: Session, sender: Sender, header: Header, sha256: str, now: datetime, *, is_newest: bool
) -> str | None:
    """Note a conflict if the header's ledger cannot be the ledger of the batches we have; returns the last one's code.

    `is_newest` says that none of them has a higher number, so that none is looked for.
    """
    other, code = _same_size(session, header), None
    if other is not None:
        code = "ledger-differs"
        note(store, session, sender, "ledger-differs", header, other, sha256, now)
    # A void is sealed later than its neighbours of higher number, so its ledger may well be longer than theirs.
    if header.void is not None:
        return code
    before, after = _neighbours(session, header, is_newest)
    if before is not None and before.ledger_size > header.ledger_size:
        code = "ledger-shrank"
        note(store, session, sender, "ledger-shrank", header, before, sha256, now)
    if after is not None and after.ledger_size < header.ledger_size:
        code = "ledger-shrank"
        note(store, session, sender, "ledger-shrank", header, after, sha256, now)
    return code


def note(
    store: Store,
    session: Session,
    sender: Sender,
    code: str,
    header: Header,
    kept: Batch | Kept,
    other: str,
    now: datetime,
) -> None:
    """Record a conflict, or count it again."""
    made = store.insert(Conflict).values(
        customer_id=sender.customer,
        installation_id=sender.installation,
        code=code,
        case=header.case,
        sequence=header.sequence,
        kept_sha256=kept.sha256,
        other_sha256=other,
        count=1,
        first_at=now,
        last_at=now,
    )
    session.execute(
        made.on_conflict_do_update(
            index_elements=["installation_id", "code", "case", "sequence"],
            set_={
                "count": Conflict.count + 1,
                "last_at": now,
                "other_sha256": other,
                "settled_at": None,
                "settled_by": None,
            },
        )
    )


def count_refusals(
    store: Store, session: Session, sender: Sender, code: str, paths: Mapping[str, int], now: datetime
) -> None:
    """Add to the counts of what this installation sent and we did not take."""
    for path, count in paths.items():
        made = store.insert(Refusal).values(
            customer_id=sender.customer,
            installation_id=sender.installation,
            code=code,
            path=path[:_PATH_CHARACTERS],
            count=count,
            first_at=now,
            last_at=now,
        )
        session.execute(
            made.on_conflict_do_update(
                index_elements=["installation_id", "code", "path"],
                set_={"count": Refusal.count + count, "last_at": now},
            )
        )


def _same_size(session: Session, header: Header) -> Kept | None:
    wanted = {"installation": header.installation, "size": header.ledger_size, "root": header.ledger_root}
    return _kept(session.execute(_SAME_SIZE, wanted).one_or_none())


def _neighbours(session: Session, header: Header, is_newest: bool) -> tuple[Kept | None, Kept | None]:
    place = {"installation": header.installation, "wanted_case": header.case, "number": header.sequence}
    before = _kept(session.execute(_EARLIER, place).one_or_none())
    return before, None if is_newest else _kept(session.execute(_LATER, place).one_or_none())


def _kept(row: Row[tuple[int, str]] | None) -> Kept | None:
    return None if row is None else Kept(*row)
