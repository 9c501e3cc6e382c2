"""Makes batches out of messages, for `sealing` only: one transaction's work, from messages to rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from audit import gate, record
from audit.gate import Header, Rules
from diffgram_home import blocks, bodies, counting, facts, ledger
from diffgram_home import rules as ruling
from diffgram_home.home import Home
from diffgram_home.models import QUEUED, Batch, Body, Source
from diffgram_home.models import Sequence as SequenceRow


@dataclass(frozen=True, slots=True)
class Made:
    """One batch that was sealed."""

    id: int
    case: str
    sequence: int
    messages: int
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Piece:
    """Messages of one block on their way through the gate: their positions, and (word, message) of each."""

    block_id: int
    positions: Sequence[int]
    messages: Sequence[tuple[int, dict[str, Any]]]


@dataclass(slots=True)
class Work:
    """One transaction's sealing: what does not change meanwhile, the number used last, and rows to write at its end."""

    home: Home
    session: Session
    case: str
    rules: Rules
    now: datetime
    generation: int
    number: int
    batch_id: int
    made: list[Made] = field(default_factory=list)
    bodies: list[dict[str, object]] = field(default_factory=list)
    batches: list[dict[str, object]] = field(default_factory=list)
    sources: list[dict[str, object]] = field(default_factory=list)
    withheld: Counter[tuple[str, str]] = field(default_factory=Counter)


def begin(home: Home, session: Session, case: str, rules: Rules, now: datetime) -> Work:
    """The work of one transaction, which must end with `write_down`."""
    number = session.scalar(select(SequenceRow.last).where(SequenceRow.case == case)) or 0
    batch_id = session.scalar(select(func.max(Batch.id))) or 0
    return Work(home, session, case, rules, now, facts.get(session, "generation", 0), number, batch_id)


def seal_pieces(work: Work, pieces: Sequence[Piece]) -> list[Piece]:
    """One batch of as many of the messages as it may hold, or none if none may leave; returns what is left over."""
    sending = work.home.settings.sending
    first, rest = split(pieces, sending.batch_messages)
    header = header_for(work.home, work.case, work.number + 1, ledger.standing(work.session), work.now)
    flat = blocks.collected(entry for piece in first for entry in piece.messages)
    sealed = gate.seal(flat, header, work.rules, ruling.CODEC)
    while len(sealed.body) > sending.batch_bytes and len(flat) > 1:
        flat = flat[: min(len(flat) - 1, 1 + len(flat) * sending.batch_bytes * 9 // (len(sealed.body) * 10))]
        sealed = gate.seal(flat, header, work.rules, ruling.CODEC)
    first, too_many = split(first, len(flat))
    work.withheld.update(sealed.withheld)
    if sealed.taken:
        _note_batch(work, header, sealed)
        start = 0
        for piece in first:
            kept = sealed.kept[start : start + len(piece.messages)]
            start += len(kept)
            work.sources.append(_source(work.batch_id, piece, kept))
    return too_many + rest


def _note_batch(work: Work, header: Header, sealed: gate.Sealed) -> None:
    """Leaf and rows of a new batch."""
    work.number, work.batch_id = header.sequence, work.batch_id + 1
    size = len(sealed.body)
    entry = record.Sealed(
        at=record.instant(work.now),
        case=header.case,  # type: ignore[arg-type]
        catalogue=work.rules.catalogue.hash,
        generation=work.generation,
        index=work.rules.index.hash,
        ledger_root=header.ledger_root,
        ledger_size=header.ledger_size,
        messages=sealed.taken,
        sequence=header.sequence,
        sha256=sealed.sha256,
        size_bytes=size,
    )
    leaf = ledger.append(work.session, entry)
    work.bodies.append(bodies.row(sealed.sha256, sealed.body, work.now))
    made = Made(work.batch_id, header.case, header.sequence, sealed.taken, size, sealed.sha256)
    work.made.append(made)
    row: dict[str, object] = {"id": made.id, "case": made.case, "sequence": made.sequence, "state": QUEUED}
    row |= {"sha256": made.sha256, "size_bytes": size, "messages": made.messages, "generation": work.generation}
    goes_at = work.now + timedelta(seconds=work.home.settings.sending.wait_s)
    work.batches.append(row | {"sealed_at": work.now, "next_try_at": goes_at, "leaf": leaf})


def write_down(session: Session, work: Work) -> None:
    """Write the rows of all batches together."""
    counting.add_tally(session, work.now, counting.WITHHELD, work.case, work.withheld)
    if not work.made:
        return
    session.execute(insert(Body), work.bodies)
    session.execute(insert(Batch), work.batches)
    session.execute(insert(Source), work.sources)
    if work.made[0].sequence == 1:
        session.execute(insert(SequenceRow), [{"case": work.case, "last": work.number}])
    else:
        session.execute(update(SequenceRow).where(SequenceRow.case == work.case).values(last=work.number))


def _source(batch_id: int, piece: Piece, kept: Sequence[bool]) -> dict[str, object]:
    """Where the messages of a batch came from; positions that are not in it are zero bytes in `kept`."""
    start, stop = piece.positions[0], piece.positions[-1] + 1
    marks = bytearray(kept)
    if len(marks) != stop - start:
        marks = bytearray(stop - start)
        for position, is_kept in zip(piece.positions, kept, strict=True):
            marks[position - start] = is_kept
    return {"batch_id": batch_id, "block_id": piece.block_id, "start": start, "stop": stop, "kept": bytes(marks)}


def split(pieces: Sequence[Piece], count: int) -> tuple[list[Piece], list[Piece]]:
    """The first `count` messages, and the others."""
    taken, rest = [], []
    for piece in pieces:
        here = min(count, len(piece.messages))
        count -= here
        if here:
            taken.append(Piece(piece.block_id, piece.positions[:here], piece.messages[:here]))
        if here < len(piece.messages):
            rest.append(Piece(piece.block_id, piece.positions[here:], piece.messages[here:]))
    return taken, rest


def header_for(
    home: Home, case: str, sequence: int, standing: ledger.Standing, now: datetime, reason: str | None = None
) -> Header:
    """The first line of a batch, or with `reason` of a void."""
    return Header(home.installation, case, sequence, now, standing.size, standing.root.hex(), reason)
