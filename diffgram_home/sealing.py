"""Seals collected messages into batches, once; voids batches that may not go any more and seals their messages again.

What may leave is `audit.gate`'s to say. Rules:
- One write transaction makes the bytes, gives the number, appends the leaf and moves the cursors of the blocks: killed
  at any point, each message is in exactly one batch or still waiting.
- A number is used up by being sealed. A batch that may not go is replaced by a void of the same number; its messages
  go through the gate again under the rules of that moment, at once if its bytes never left, otherwise when corporate
  has acknowledged the void. Messages of a batch that corporate itself refused are not sealed again.
- What the gate withholds is counted with the reason and stays in its block, visible here only.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from audit import gate, record
from audit.approval import WAITS
from audit.errors import Refused
from audit.gate import Header, Rules
from audit.modes import ALL_OFF, MODES
from audit.modes import word as word_of
from diffgram_home import blocks, bodies, counting, facts, ledger
from diffgram_home import rules as ruling
from diffgram_home._batching import Made, Piece, begin, header_for, seal_pieces, write_down
from diffgram_home.errors import StoreError
from diffgram_home.home import Home
from diffgram_home.models import QUEUED, VOIDING, Attempt, Batch, Block, Source

BATCHES_A_TRANSACTION = 16
BLOCKS_A_TRANSACTION = 64
APART = frozenset({"support"})
"""Cases of which nothing is sealed but by `seal_apart`, for one grant: what a product spools of them stays here."""
NOT_APPROVED = "approval-missing"
_VOID_REASONS = {
    **dict.fromkeys(("switched", "field-off"), "mode"),
    **dict.fromkeys(("not-approved", "expired", "asked", "finer", "transform-not-permitted"), "withdrawn"),
}


def seal_waiting(home: Home, now: datetime) -> list[Made]:
    """Seal what waits in all cases that are on; what is kept here only is passed by. Raises StoreError."""
    made: list[Made] = []
    with home.store.read() as session:
        waiting = set(session.scalars(select(Block.case).where(Block.waiting).distinct()))
    for case in MODES:
        more = case in waiting
        if case in APART:
            _leave_out(home, case, now, more)
            continue
        while more:
            with blocks.without_collector(), home.store.write() as session:
                new, more = _seal_some(home, session, case, now)
                made += new
    return made


def seal_apart(
    home: Home, session: Session, case: str, messages: Sequence[dict[str, Any]], now: datetime
) -> list[Made]:
    """Seal these messages now, in batches that hold nothing else; inside a write transaction.

    They are collected at this moment, under the switches as they stand. Returns no batch where the gate lets none of
    them through. Raises Refused where header or envelope is not approved.
    """
    rules = ruling.within(home, session, now)
    switches = {message["kind"]: rules.modes.of(message["kind"]) for message in messages}
    words = {kind: word_of(switch) for kind, switch in switches.items()}
    lines = [ruling.CODEC.encode([words[message["kind"]], message]) for message in messages]  # type: ignore[arg-type]
    block = blocks.new(case, lines, now)
    block.sealed_to, block.waiting = len(lines), False
    session.add(block)
    session.flush()
    counting.add_hour(session, now, case, collected=len(lines))
    work = begin(home, session, case, rules, now)
    rest: Sequence[Piece] = [Piece(block.id, range(len(lines)), blocks.unpack(block))]
    while rest:
        rest = seal_pieces(work, rest)
    write_down(session, work)
    return work.made


def void(home: Home, batch_id: int, reason: str, now: datetime, *, reseal: bool = True) -> bool:
    """Replace a batch that waits by a void; False if it does not wait any more, or nothing may leave at all.

    `reason` is mode, withdrawn or refused. Raises StoreError.
    """
    with home.store.write() as session:
        return void_within(home, session, batch_id, reason, now, reseal=reseal)


def void_within(
    home: Home, session: Session, batch_id: int, reason: str, now: datetime, *, reseal: bool = True
) -> bool:
    """The same inside a write transaction."""
    batch = session.get(Batch, batch_id)
    if batch is None or batch.state != QUEUED:
        return False
    rules = ruling.within(home, session, now)
    standing = ledger.standing(session)
    header = header_for(home, batch.case, batch.sequence, standing, now, reason)
    try:
        sealed = gate.void(header, rules, ruling.CODEC)
    except Refused:
        return False  # even the header may not leave: the door refuses the batch itself for the same reason
    bodies.put(session, sealed.sha256, sealed.body, now)
    replaces, batch.voided_sha256 = batch.sha256, batch.sha256
    batch.sha256, batch.size_bytes, batch.messages = sealed.sha256, len(sealed.body), 0
    batch.state, batch.void, batch.reseal, batch.next_try_at, batch.tries = VOIDING, reason, reseal, now, 0
    batch.void_leaf = ledger.append(session, _void_record(header, sealed, replaces))
    session.flush()
    if reseal and not _may_have_left(session, batch):
        batch.reseal = False
        seal_again(home, session, batch, now)
    return True


def seal_again(home: Home, session: Session, batch: Batch, now: datetime) -> list[Made]:
    """Put the messages of a voided batch through the gate as it is now; inside a write transaction."""
    rules = ruling.within(home, session, now)
    pieces = []
    for source in session.scalars(select(Source).where(Source.batch_id == batch.id).order_by(Source.id)):
        held = blocks.messages(session, source.block_id)
        positions = [source.start + i for i, kept in enumerate(source.kept) if kept and source.start + i < len(held)]
        pieces.append(Piece(source.block_id, positions, [held[position] for position in positions]))
    work = begin(home, session, batch.case, rules, now)
    pieces = [piece for piece in pieces if piece.messages]
    while pieces:
        pieces = seal_pieces(work, pieces)
    write_down(session, work)
    return work.made


def void_refused(home: Home, now: datetime) -> int:
    """Void every waiting batch that the gate would refuse now; returns how many. Raises StoreError."""
    voided, after = 0, 0
    while True:
        with home.store.write() as session:
            rules = ruling.within(home, session, now)
            if rules.modes == ALL_OFF or rules.consent.stopped:
                return voided  # nothing goes, and nothing is given up either
            wanted = select(Batch).where(Batch.state == QUEUED, Batch.id > after).order_by(Batch.id).limit(20)
            waiting = list(session.scalars(wanted))
            for batch in waiting:
                reason = _refusal(session, batch, ruling.within(home, session, now), now)
                voided += reason is not None and void_within(home, session, batch.id, reason, now)
        if not waiting:
            return voided
        after = waiting[-1].id


def _refusal(session: Session, batch: Batch, rules: Rules, now: datetime) -> str | None:
    body = bodies.get(session, batch.sha256)
    if body is None:
        return None
    try:
        gate.check(body, rules, batch.generation, ruling.CODEC, now=now)
    except Refused as refused:
        return None if refused.code == WAITS else _VOID_REASONS.get(refused.code, "refused")
    return None


def _may_have_left(session: Session, batch: Batch) -> bool:
    under_way = select(func.count()).where(Attempt.batch_id == batch.id, Attempt.outcome.is_(None))
    return batch.may_be_received or bool(session.scalar(under_way))


def _seal_some(home: Home, session: Session, case: str, now: datetime) -> tuple[list[Made], bool]:
    """A few batches of one case in one transaction; says whether more may be waiting."""
    rules = ruling.within(home, session, now)
    if rules.modes == ALL_OFF:
        return [], False  # the settings cannot be read: nothing moves, and nothing is given up either
    if rules.consent.stopped:
        return [], False  # a release waits for a decision: nothing moves until then; the notice says so
    if not any(rules.modes.of(kind.name).mode == "on" for kind in home.catalogue.live_kinds(case)):
        return [], _pass_by(session, case, now)
    if not all(map(rules.consent.allows, home.catalogue.wrapping())):
        _say_not_approved(home, session, case, now)
        return [], False
    if _waits_for_people(home, session, case, rules):
        return [], False
    loaded = _waiting(home, session, case, now)
    if not loaded:
        counting.end_notice(session, now, NOT_APPROVED, case)
        return [], False
    work = begin(home, session, case, rules, now)
    rest: Sequence[Piece] = loaded
    while rest and len(work.made) < BATCHES_A_TRANSACTION:
        rest = seal_pieces(work, rest)
    _move_cursors(session, loaded, rest)
    write_down(session, work)
    return work.made, True


def _leave_out(home: Home, case: str, now: datetime, more: bool) -> None:
    """What came of such a case by another way stays here, counted."""
    while more:
        with home.store.write() as session:
            more = _pass_by(session, case, now)


def _waits_for_people(home: Home, session: Session, case: str, rules: Rules) -> bool:
    """Where a case asks for approval, and a batch waits for it, the next is sealed when it is full: else a person had
    one to read every few seconds.
    """
    if case not in rules.approvals.asks:
        return False
    held = set(session.scalars(select(Batch.sha256).where(Batch.case == case, Batch.state == QUEUED)))
    size = select(func.sum(Block.messages - Block.sealed_to)).where(Block.case == case, Block.waiting)
    return bool(held - rules.approvals.approved) and (session.scalar(size) or 0) < home.settings.sending.batch_messages


def _waiting(home: Home, session: Session, case: str, now: datetime) -> list[Piece]:
    """Messages of the oldest waiting blocks, as many as a few batches may have."""
    room, chosen = home.settings.sending.batch_messages * BATCHES_A_TRANSACTION, []
    sizes = select(Block.id, Block.messages - Block.sealed_to).where(Block.case == case, Block.waiting)
    for block_id, size in session.execute(sizes.order_by(Block.id).limit(BLOCKS_A_TRANSACTION)):
        chosen.append(block_id)
        room -= size
        if room <= 0:
            break
    pieces = []
    for block in session.scalars(select(Block).where(Block.id.in_(chosen)).order_by(Block.id)):
        try:
            held = blocks.unpack(block)
        except StoreError as error:
            block.waiting = False
            counting.notice(session, now, error.code, f"block {block.id}", str(error.args[0]), error.hint)
            continue
        pieces.append(Piece(block.id, range(block.sealed_to, len(held)), held[block.sealed_to :]))
    return pieces


def _move_cursors(session: Session, loaded: Sequence[Piece], rest: Sequence[Piece]) -> None:
    left = {piece.block_id: piece.positions[0] for piece in reversed(rest)}
    rows = []
    for piece in loaded:
        done = piece.block_id not in left
        to = piece.positions.stop if done else left[piece.block_id]  # type: ignore[attr-defined]
        rows.append({"id": piece.block_id, "sealed_to": to, "waiting": not done})
    session.execute(update(Block), rows)


def _pass_by(session: Session, case: str, now: datetime) -> bool:
    """No kind of the case is on: what waits stays here, counted, without going through the gate."""
    wanted = select(Block).where(Block.case == case, Block.waiting).order_by(Block.id).limit(200)
    passed = 0
    for block in session.scalars(wanted):
        passed += block.messages - block.sealed_to
        block.sealed_to, block.waiting = block.messages, False
    counting.add_tally(session, now, counting.WITHHELD, case, {("not-on", case): passed})
    return bool(passed)


def _say_not_approved(home: Home, session: Session, case: str, now: datetime) -> None:
    """The header itself is not approved: messages collected under `on` wait for the decision.

    Not said a second time where a release asks for that decision and its own notice says so (`upgrading.tell`).
    """
    asked = facts.get(session, "undecided", {})
    if any(field.name in asked for field in home.catalogue.wrapping()):
        return
    waiting = session.scalar(select(func.count()).where(Block.case == case, Block.waiting))
    if waiting:
        text = f"case '{case}' is on, but the fields that go with every batch are not approved: nothing leaves"
        counting.notice(
            session, now, NOT_APPROVED, case, text, "read and approve the fields, or switch the case to local"
        )


def _void_record(header: Header, sealed: gate.Sealed, replaces: str) -> record.Void:
    return record.Void(
        at=record.instant(header.sealed_at),
        case=header.case,  # type: ignore[arg-type]
        ledger_root=header.ledger_root,
        ledger_size=header.ledger_size,
        reason=header.void,  # type: ignore[arg-type]
        replaces=replaces,
        sequence=header.sequence,
        sha256=sealed.sha256,
        size_bytes=len(sealed.body),
    )
