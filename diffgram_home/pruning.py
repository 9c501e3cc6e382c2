"""Lets go of what is old: messages kept here, bodies of batches, checkpoints between days, ended sign-ins.

Leaves, hashes, receipts and counts stay, so that no proof breaks (design 7). A body goes only when its batch is
settled; a block only when no batch may still need its messages. Ages count by the time of this machine: with it set
forward by mistake things go early, and that is told in the ledger's record.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import case, delete, exists, func, select, update
from sqlalchemy.orm import Session

from audit import record
from diffgram_home import counting, grouping, ledger
from diffgram_home.browser import counts as sessions
from diffgram_home.home import Home
from diffgram_home.models import (
    ACCEPTED,
    QUEUED,
    VOIDING,
    Attempt,
    Batch,
    Block,
    Body,
    Checkpoint,
    Hour,
    Mail,
    Notice,
    Request,
    SignIn,
    Source,
    Tally,
    Throttle,
)
from diffgram_home.reports import keeping as reports

CHECKPOINTS_ALL_FOR = timedelta(days=2)
COUNTS_FOR = timedelta(days=800)
NOTICES_FOR = timedelta(days=90)
AT_A_TIME = 500
TOO_OLD = "too-old"


@dataclass(frozen=True, slots=True)
class Pruned:
    """How many blocks, bodies and checkpoints were let go."""

    blocks: int
    bodies: int
    checkpoints: int


def prune(home: Home, now: datetime, actor: str = "home") -> Pruned:
    """Let go of what the settings' [keep] says is old. Raises StoreError."""
    keep = home.settings.keep
    blocks = _repeat(home, lambda session: _blocks(session, now - timedelta(days=keep.local_days), now))
    bodies = _repeat(home, lambda session: _bodies(session, now - timedelta(days=keep.bodies_days), now, actor))
    checkpoints = _repeat(home, lambda session: _checkpoints(session, now - CHECKPOINTS_ALL_FOR))
    with home.store.write() as session:
        _counts(session, now)
        old = Mail.ended_at < now - timedelta(days=keep.bodies_days)
        session.execute(update(Mail).where(old).values(data=None))
    return Pruned(blocks, bodies, checkpoints)


def _repeat(home: Home, step: Callable[[Session], int]) -> int:
    total = 0
    while True:
        with home.store.write() as session:
            done = step(session)
        total += done
        if done < AT_A_TIME:
            return total


def _blocks(session: Session, before: datetime, now: datetime) -> int:
    """Messages that still waited to be sealed, for an approval perhaps, are counted as they go."""
    needed = exists().where(
        Source.block_id == Block.id, Source.batch_id == Batch.id, Batch.state.in_((QUEUED, VOIDING))
    )
    unsealed = case((Block.waiting, Block.messages - Block.sealed_to), else_=0)
    wanted = select(Block.id, Block.case, unsealed).where(Block.taken_at < before, ~needed)
    found = session.execute(wanted.order_by(Block.taken_at).limit(AT_A_TIME)).all()
    waited: Counter[str] = Counter()
    for _, name, messages in found:
        waited[name] += messages
    for name, messages in waited.items():
        counting.add_tally(session, now, counting.WITHHELD, name, {(TOO_OLD, name): messages})
    ids = [row.id for row in found]
    grouping.forget(session, ids)
    session.execute(delete(Block).where(Block.id.in_(ids)))
    return len(found)


def _bodies(session: Session, before: datetime, now: datetime, actor: str) -> int:
    needed = exists().where(
        ((Batch.sha256 == Body.sha256) | (Batch.voided_sha256 == Body.sha256)) & Batch.state.in_((QUEUED, VOIDING))
    )
    under_way = exists().where(Attempt.sha256 == Body.sha256, Attempt.outcome.is_(None))
    asked = exists().where(
        Request.sha256 == Body.sha256, Request.outcome.is_distinct_from(ACCEPTED), Request.final.is_(False)
    )
    wanted = select(Body.sha256).where(Body.at < before, Body.zstd.is_not(None), ~needed, ~under_way, ~asked)
    names = list(session.scalars(wanted.order_by(Body.at).limit(AT_A_TIME)))
    if not names:
        return 0
    session.execute(update(Body).where(Body.sha256.in_(names)).values(zstd=None, pruned_at=now))
    newest = func.max(func.coalesce(Batch.void_leaf, Batch.leaf))
    last = session.scalar(select(newest).where(Batch.sha256.in_(names) | Batch.voided_sha256.in_(names)))
    last_asked = session.scalar(select(func.max(Request.leaf)).where(Request.sha256.in_(names)))
    before_leaf = max(last or 0, last_asked or 0) + 1
    ledger.append(session, record.Pruned(actor=actor, at=record.instant(now), before=before_leaf, bodies=len(names)))
    return len(names)


def _checkpoints(session: Session, before: datetime) -> int:
    """Of older days only the last checkpoint of each is kept."""
    day = func.date(Checkpoint.at)
    last = select(func.max(Checkpoint.size)).where(Checkpoint.at < before).group_by(day)
    wanted = select(Checkpoint.size).where(Checkpoint.at < before, Checkpoint.size.not_in(last)).limit(AT_A_TIME)
    sizes = list(session.scalars(wanted))
    session.execute(delete(Checkpoint).where(Checkpoint.size.in_(sizes)))
    return len(sizes)


def _counts(session: Session, now: datetime) -> None:
    session.execute(delete(Hour).where(Hour.at < now - COUNTS_FOR))
    session.execute(delete(Tally).where(Tally.day < (now - COUNTS_FOR).strftime("%Y-%m-%d")))
    session.execute(delete(Notice).where(Notice.ended_at < now - NOTICES_FOR))
    sessions.prune(session, now)
    reports.prune(session, now)
    session.execute(delete(SignIn).where(SignIn.expires_at < now))
    session.execute(delete(Throttle).where(Throttle.until < now - timedelta(days=1)))
