"""The ledger's store: appends leaves, keeps the tree's nodes, signs checkpoints, proves inclusion, exports.

What a leaf says is `audit.record`'s; the hashing is `audit.tree`'s. Rules:
- `append` runs inside a `store.write()` transaction. Leaf, nodes and head move together or not at all, and writers are
  one at a time over all processes, so positions have no gap and the head is always the root of exactly these leaves.
- A leaf is never changed or deleted. Node rows only save work: `verify` recomputes all from the leaves.
- A checkpoint is signed by `ledger.pem`; that it went to a place outside (`elsewhere`) is itself a leaf, and no
  checkpoint is made of a ledger that grew only by such leaves.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from audit import checkpoint, record, tree
from diffgram_home.errors import LedgerError
from diffgram_home.home import Home
from diffgram_home.models import Checkpoint, Head, Leaf, Node
from diffgram_home.store import AT_THE_END

MOST_PLACES = 8
"""No checkpoint is handed to more places; each leaves one record."""

_FRONTIER, _NEW = "ledger frontier", "ledger rows"
# Used by every transaction that appends: made once, and of plain tables, since no object is kept of a row.
_LEAVES, _NODES, _FIRST_HEAD = (insert(entity.__table__) for entity in (Leaf, Node, Head))
_STANDING = select(Head.__table__.c.frontier).where(Head.__table__.c.id == 1)
_HEAD = update(Head.__table__).where(Head.__table__.c.id == 1)


@dataclass(frozen=True, slots=True)
class Standing:
    """The ledger at one moment: number of leaves and root (32 bytes)."""

    size: int
    root: bytes


def append(session: Session, entry: record.Record) -> int:
    """Append one record and return its position, from 0. Only inside `store.write()`, whose end writes the row."""
    data = record.encode(entry)
    frontier = _frontier(session)
    leaves, nodes = _new_rows(session)

    def completed(level: int, number: int, digest: bytes) -> None:
        if level:  # level 0 is recomputed from the leaf itself
            nodes.append({"level": level, "number": number, "hash": digest})

    position = frontier.append(tree.leaf_hash(data), completed)
    at = datetime.fromisoformat(entry.at)
    leaves.append({"position": position, "type": _type(entry), "at": at, "data": data})
    return position


def standing(session: Session) -> Standing:
    """Size and root now."""
    frontier = _frontier(session)
    return Standing(frontier.size, frontier.root())


def leaf(session: Session, position: int) -> record.Record:
    """The record at `position`; raises LedgerError if there is none, RecordRefused if it is damaged."""
    return record.parse(_leaf_data(session, position))


def leaf_hash(session: Session, position: int) -> bytes:
    """The hash of the leaf at `position`; raises LedgerError if there is none."""
    return tree.leaf_hash(_leaf_data(session, position))


def inclusion(session: Session, position: int, size: int) -> list[bytes]:
    """The path that proves the leaf at `position` in the tree of `size` leaves; raises LedgerError."""
    try:
        return tree.inclusion_proof(position, size, lambda level, number: node(session, level, number))
    except ValueError as error:
        raise LedgerError("not-in-ledger", str(error), "ask for a position below the size") from error


def node(session: Session, level: int, number: int) -> bytes:
    """The hash of one complete subtree; raises LedgerError if it is missing."""
    if level == 0:
        return leaf_hash(session, number)
    row = session.get(Node, (level, number))
    if row is None:
        raise LedgerError("node-missing", f"the tree lacks node {level}/{number}", "run 'diffgram-home verify'")
    return row.hash


def sign_checkpoint(home: Home, now: datetime) -> str | None:
    """Sign and keep a checkpoint if the ledger grew since the last one; returns its text, or None if nothing grew."""
    with home.store.read() as session:
        if not _has_grown(session):
            return None
        stood = standing(session)
    text = checkpoint.sign(home.origin, stood.size, stood.root, home.keys.ledger)
    with home.store.write() as session:
        if session.get(Checkpoint, stood.size) is None:
            session.add(Checkpoint(size=stood.size, at=now, text=text))
    return text


def last_checkpoint(session: Session) -> Checkpoint | None:
    """The newest checkpoint, or None before the first."""
    return session.scalars(select(Checkpoint).order_by(Checkpoint.size.desc()).limit(1)).first()


def checkpoint_for(session: Session, position: int) -> Checkpoint | None:
    """The oldest checkpoint that covers the leaf at `position`."""
    return session.scalars(
        select(Checkpoint).where(Checkpoint.size > position).order_by(Checkpoint.size).limit(1)
    ).first()


def verifier_key(home: Home) -> str:
    """The line by which other verifiers know the key of our checkpoints."""
    return checkpoint.vkey(home.origin, home.keys.ledger.public_key())


def _new_rows(session: Session) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    """Rows of leaves and nodes that the transaction writes at its end, together."""
    if _NEW not in session.info:
        session.info[_NEW] = ([], [])
        session.info.setdefault(AT_THE_END, []).append(_write_down)
    return session.info[_NEW]


def _write_down(session: Session) -> None:
    leaves, nodes = session.info.pop(_NEW)
    frontier = _frontier(session)
    session.execute(_LEAVES, leaves)
    if nodes:
        session.execute(_NODES, nodes)
    moved = {"size": frontier.size, "frontier": frontier.to_bytes()}
    if frontier.size == len(leaves):
        session.execute(_FIRST_HEAD, [{"id": 1, **moved}])
    else:
        session.execute(_HEAD, moved)


def _type(entry: record.Record) -> str:
    return str(entry.type)  # type: ignore[attr-defined]  # every record has one; the base does not say so


def _has_grown(session: Session) -> bool:
    size = _frontier(session).size
    last = last_checkpoint(session)
    if size == 0 or (last is not None and last.size >= size):
        return False
    since = 0 if last is None else last.size
    if size - since > MOST_PLACES:
        return True
    kinds = session.scalars(select(Leaf.type).where(Leaf.position >= since))
    return any(kind != "checkpoint" for kind in kinds)


def _frontier(session: Session) -> tree.Frontier:
    """The head's frontier, read once a transaction; a session of `store.write()` is alone while it lives."""
    kept = session.info.get(_FRONTIER)
    if kept is None:
        data = session.execute(_STANDING).scalar_one_or_none()
        try:
            kept = tree.Frontier() if data is None else tree.Frontier.from_bytes(data)
        except ValueError as error:
            raise LedgerError("head-damaged", "the ledger's head is damaged", "run 'diffgram-home verify'") from error
        session.info[_FRONTIER] = kept
    return kept


def _leaf_data(session: Session, position: int) -> bytes:
    data = session.scalar(select(Leaf.data).where(Leaf.position == position))
    if data is None:
        raise LedgerError("not-in-ledger", f"the ledger has no leaf {position}", "ask for a position below the size")
    return data
