"""Read models: answers what pages and commands ask, from one snapshot each; changes nothing and opens no socket.

Cost does not grow with the history: hours are summed, lists have a limit and go on after the last id they gave. One
attempt in full, and the history, are `_reading_attempt`'s; rows become values in `_rows`.
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import func, select

from audit import checkpoint
from audit.catalogue import CASES, Catalogue
from diffgram_home import _rows, bodies, facts, ledger, rules, views
from diffgram_home._reading_attempt import attempt, history
from diffgram_home.errors import StoreError
from diffgram_home.home import Home
from diffgram_home.models import QUEUED, VOIDING, Batch, Block, Checkpoint

LAST_ATTEMPTS = 8
WINDOW = 5000
"""How many blocks one look at what is kept here goes back."""
WHOLE = 2**31 - 1  # a position behind every message of a block
LOOKED_AT = 20

__all__ = [
    "attempt",
    "body",
    "body_of",
    "cases",
    "checkpoints",
    "fields",
    "history",
    "kept",
    "notices",
    "overview",
    "pending",
    "sent",
    "state",
    "withheld",
]


def overview(home: Home, now: datetime) -> views.Overview:
    """The first page: four lanes, last attempts, notices, and where the ledger stands."""
    with home.store.read() as session:
        holding = rules.within(home, session, now)
        live = [field for field in _rows.field_rows(home, session, now) if field.state != "removed"]
        asked = [field for field in live if field.state != "requested"]  # a request is its own decision
        approved = sum(field.state == "approved" for field in asked)
        enrolment = facts.get(session, "enrolment") or {}
        heartbeat = facts.get(session, "heartbeat") or {}
        return views.Overview(
            name=home.settings.name,
            installation=home.installation,
            at=now,
            lanes=_rows.lanes(home, session, holding, now),
            attempts=_rows.attempt_lines(session, None, None, None, LAST_ATTEMPTS),
            notices=_rows.open_notices(session),
            withheld_today=_rows.withheld_rows(session, now, 1),
            proof=_rows.proof(session),
            fields=len(live),
            approved=approved,
            unapproved=len(asked) - approved,
            asked=len(live) - len(asked),
            undecided=sum(field.undecided for field in asked),
            catalogue=home.catalogue.hash,
            corporate=home.settings.corporate.url,
            enrolled=bool(enrolment),
            customer=enrolment.get("customer"),
            last_message_at=session.scalar(select(Block.taken_at).order_by(Block.id.desc()).limit(1)),
            heartbeat_at=_rows.moment(heartbeat.get("at")),
        )


def cases(home: Home) -> tuple[views.Case, ...]:
    """The seed's summary table, live: one row for each of the four cases."""
    with home.store.read() as session:
        holding = rules.within(home, session)
        return tuple(_rows.case_row(home, session, case, holding) for case in CASES)


def fields(home: Home, now: datetime | None = None, catalogue: Catalogue | None = None) -> tuple[views.Field, ...]:
    """Every field of the catalogue with its approval, in the catalogue's order; the page searches and filters.

    Another catalogue than today's is one by which something was sealed: its definitions, with today's decisions.
    """
    with home.store.read() as session:
        return _rows.field_rows(home, session, now or datetime.now(UTC), catalogue)


def pending(home: Home, *, case: str | None = None, limit: int = 20, lines: int = 50) -> views.PendingPage:
    """What would go now, exactly: queued batches in the order of their numbers, explained up to `lines` lines each."""
    waiting = Batch.state.in_((QUEUED, VOIDING))
    with home.store.read() as session:
        holding = rules.within(home, session)
        chosen = (waiting,) if case is None else (waiting, Batch.case == case)
        rows = session.scalars(select(Batch).where(*chosen).order_by(Batch.case, Batch.sequence).limit(limit))
        total = func.coalesce(func.sum(Batch.messages), 0), func.coalesce(func.sum(Batch.size_bytes), 0)
        count, messages, size = session.execute(select(func.count(), *total).where(*chosen)).one()
        return views.PendingPage(
            batches=tuple(_rows.pending_row(home, session, row, lines) for row in rows),
            total_batches=int(count),
            total_messages=int(messages),
            total_bytes=int(size),
            not_sealed=_rows.not_sealed(session),
            withheld=tuple(row for row in _rows.last_withheld(session) if case in (None, row.case)),
            approval_missing=not all(map(holding.consent.allows, home.catalogue.wrapping())),
            stopped=holding.consent.stopped,
            enrolled=bool(facts.get(session, "enrolment")),
        )


def kept(
    home: Home, *, case: str | None = None, before: tuple[int, int] | None = None, limit: int = 100
) -> views.KeptPage:
    """Messages that are here and nowhere else, newest first, older than the (block, position) `before`.

    What has left, waits to go, or has not been seen by the gate is not among them. Of an installation that sends, most
    blocks have left whole: those are passed over in the database, at most WINDOW at a time.
    """
    found: list[views.Kept] = []
    unreadable = 0
    with home.store.read() as session:
        newest = session.scalar(select(func.max(Block.id))) or 0
        top = newest if before is None else min(before[0], newest)
        wanted = select(Block).where(Block.id <= top, Block.id > top - WINDOW, _rows.not_left_whole(home.store))
        wanted = wanted if case is None else wanted.where(Block.case == case)
        for block in session.scalars(wanted.order_by(Block.id.desc()).execution_options(yield_per=LOOKED_AT)):
            stop = before[1] if before and before[0] == block.id else block.messages
            try:
                found += _rows.kept_rows(home, session, block, stop, limit - len(found))
            except StoreError:
                unreadable += 1  # sealing told it; nothing of the others is hidden by it
            if len(found) >= limit:
                return views.KeptPage(tuple(found), (found[-1].block, found[-1].position), unreadable)
        more = session.scalar(select(Block.id).where(Block.id <= top - WINDOW).limit(1)) is not None
    return views.KeptPage(tuple(found), (top - WINDOW, WHOLE) if more else None, unreadable)


def sent(
    home: Home, *, case: str | None = None, outcome: str | None = None, before: int | None = None, limit: int = 100
) -> tuple[views.AttemptLine, ...]:
    """Attempts, newest first, with an id below `before`."""
    with home.store.read() as session:
        return _rows.attempt_lines(session, case, outcome, before, limit)


def body(home: Home, case: str, sequence: int) -> bytes | None:
    """The exact bytes that stand for a sequence number, or None if unknown or pruned."""
    with home.store.read() as session:
        wanted = select(Batch.sha256).where(Batch.case == case, Batch.sequence == sequence)
        sha256 = session.scalar(wanted)
        return bodies.get(session, sha256) if sha256 else None


def body_of(home: Home, sha256: str) -> bytes | None:
    """The exact bytes with this hash, or None if unknown or pruned."""
    with home.store.read() as session:
        return bodies.get(session, sha256)


def state(home: Home) -> str:
    """A word that changes when something was recorded, or is newly waiting."""
    with home.store.read() as session:
        newest = session.scalar(select(func.max(Block.id))) or 0
        return f"{ledger.standing(session).size}.{newest}"


def checkpoints(home: Home, *, before: int | None = None, limit: int = 50) -> tuple[views.Checkpoint, ...]:
    """The checkpoints with fewer records than `before`, newest first."""
    wanted = select(Checkpoint).order_by(Checkpoint.size.desc()).limit(limit)
    with home.store.read() as session:
        rows = session.scalars(wanted if before is None else wanted.where(Checkpoint.size < before)).all()
    return tuple(views.Checkpoint(row.size, row.at, row.text, _cosigners(home, row.text)) for row in rows)


def _cosigners(home: Home, note: str) -> tuple[str, ...]:
    return tuple(name for name, _ in checkpoint.parts(note)[1] if name != home.origin)


def withheld(home: Home, *, days: int = 30, now: datetime) -> tuple[views.Withheld, ...]:
    """What was dropped or withheld in the last days, by day, newest first."""
    with home.store.read() as session:
        return _rows.withheld_rows(session, now, days)


def notices(home: Home) -> tuple[views.Notice, ...]:
    """Open notices, newest first."""
    with home.store.read() as session:
        return _rows.open_notices(session)
