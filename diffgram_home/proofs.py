"""Proofs to hand to somebody: a `.tlog-proof` for each record about a number, and consistency between two checkpoints.

The forms are `audit.proof`'s, the hashes come from the ledger's nodes. Rules:
- A proof is checked by the verifier's own function before it is handed out; nodes that were changed are then found
  here and not by the auditor.
- It leads to the newest checkpoint, with the cosignatures that it got; a record that none covers yet has no proof yet.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit import checkpoint, proof, tree
from audit.checkpoint import Checkpoint
from audit.errors import AuditError, ProofRefused, SignatureRefused
from diffgram_home import ledger
from diffgram_home.errors import LedgerError
from diffgram_home.home import Home
from diffgram_home.models import Attempt, Batch, Leaf
from diffgram_home.models import Checkpoint as Row


@dataclass(frozen=True, slots=True)
class File:
    """One proof: the record's type and position, the checkpoint's size, a name for the file, and its text."""

    what: str
    position: int
    size: int
    name: str
    text: str


def of_number(home: Home, case: str, sequence: int) -> tuple[File, ...]:
    """The proofs of all records about a number, in their order; empty if there is none. Raises LedgerError."""
    with home.store.read() as session:
        batch = session.scalars(select(Batch).where(Batch.case == case, Batch.sequence == sequence)).first()
        if batch is None:
            return ()
        tried = session.scalars(select(Attempt).where(Attempt.batch_id == batch.id)).all()
        found = {batch.leaf, batch.void_leaf, *(p for a in tried for p in (a.leaf, a.outcome_leaf))}
        return tuple(
            _file(home, session, f"{case}-{sequence}", position)
            for position in sorted(p for p in found if p is not None)
        )


def of_attempt(home: Home, attempt_id: int) -> File | None:
    """The proof of an attempt: of its outcome, which names it, or while it is under way of itself. None: no such one.

    Raises LedgerError.
    """
    with home.store.read() as session:
        row = session.get(Attempt, attempt_id)
        if row is None:
            return None
        position = row.leaf if row.outcome_leaf is None else row.outcome_leaf
        return _file(home, session, f"{row.case}-{row.sequence}", position)


def consistency(home: Home, old: str, new: str | None = None) -> str:
    """The proof that the ledger of the checkpoint `old` only grew to the one of `new`, or to the newest here.

    Raises LedgerError: `checkpoint-refused` for a note that is not ours, and where there is no such proof `truncated`
    or `fork`, which say what that means.
    """
    with home.store.read() as session:
        last = ledger.last_checkpoint(session)
        if last is None:
            raise LedgerError("no-checkpoint", "there is no checkpoint yet", "wait until the first one is signed")
        older, newer = _read(home, old), _read(home, new or last.text)
        stood = ledger.standing(session)
        if older.size > newer.size:
            raise LedgerError("wrong-order", "the first checkpoint is the newer one", "name the older one first")
        if newer.size > stood.size:
            raise _truncated(newer.size, stood.size)
        return _consistency(home, session, older, newer, new or last.text)


def consistency_of_sizes(home: Home, old: int, new: int) -> str:
    """As `consistency`, between two checkpoints that are kept here, by their sizes. Raises LedgerError."""
    with home.store.read() as session:
        rows = [session.get(Row, size) for size in (old, new)]
    texts = [row.text for row in rows if row is not None]
    if len(texts) < 2:
        hint = "choose two sizes from the list of checkpoints"
        raise LedgerError("no-checkpoint", f"no checkpoint is kept here at {old} or at {new} records", hint)
    return consistency(home, *texts)


def _consistency(home: Home, session: Session, older: Checkpoint, newer: Checkpoint, note: str) -> str:
    path: list[bytes] = []
    if 0 < older.size < newer.size:
        path = tree.consistency_proof(older.size, newer.size, lambda level, n: ledger.node(session, level, n))
    text = proof.consistency(older.size, path, note)
    try:
        proof.check_consistency(text, older, home.origin, home.keys.ledger.public_key())
    except ProofRefused as error:
        raise _fork(older.size, newer.size) from error
    return text


def _file(home: Home, session: Session, name: str, position: int) -> File:
    row, last = session.get_one(Leaf, position), ledger.last_checkpoint(session)
    if last is None or last.size <= position:
        raise LedgerError("no-checkpoint", "no checkpoint covers this record yet", "try again in a moment")
    text = proof.inclusion(row.data, position, ledger.inclusion(session, position, last.size), last.text)
    try:
        proof.check_inclusion(text, home.origin, home.keys.ledger.public_key())
    except AuditError as error:
        hint = "run 'diffgram-home verify', and keep the data folder as it is"
        raise LedgerError("proof-differs", f"the record {position} has no proof that holds: {error}", hint) from error
    return File(row.type, position, last.size, f"{name}.{row.type}-{position}.tlog-proof", text)


def _read(home: Home, text: str) -> Checkpoint:
    try:
        return checkpoint.verify(text, home.origin, home.keys.ledger.public_key())
    except SignatureRefused as error:
        hint = "give checkpoints of this installation's ledger, each as it was handed out"
        raise LedgerError("checkpoint-refused", f"a checkpoint does not hold: {error}", hint) from error


def _truncated(kept: int, here: int) -> LedgerError:
    text = f"truncated: the checkpoint has {kept} records, this ledger {here}"
    return LedgerError("truncated", text, "the end was cut off, or an older backup restored; keep the checkpoint")


def _fork(old: int, new: int) -> LedgerError:
    text = f"fork: no proof leads from the checkpoint of {old} records to the one of {new}"
    hint = (
        "a record was changed after it was signed, or two ledgers are written under one key; keep both checkpoints: "
        "two signed ones that contradict each other are the proof"
    )
    return LedgerError("fork", text, hint)
