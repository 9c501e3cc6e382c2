"""The errors kept here by issue, as the page Issues and the command `issues` show them; changes nothing.

What belongs together was noted by `grouping` as messages were taken in. Rules: nothing has to have been sent, nor ever
will be; the cost does not grow with what is kept: lists are paged, hours and days are summed by the database, and one
issue looks at its newest WINDOW blocks. Times are of intake, which takes what a product told within seconds.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from diffgram_home import blocks, facts, grouping, views
from diffgram_home.errors import StoreError
from diffgram_home.home import Home
from diffgram_home.models import QUEUED, Attempt, Batch, Issue, IssueBlock, Source
from event.issue import holes_of, pieces_of

PAGE = 50
WINDOW = 2_000
"""How many blocks with messages of an issue one look goes back."""
COLUMNS = 24
"""Hours, and days, that are drawn."""
BATCHES = 20
_READ_BLOCKS, _READ_MESSAGES = 3, 20
"""Newest messages whose shapes are shown, and how many blocks are opened for them at most."""
_LONGEST_SEARCH = 200


def listed(home: Home, now: datetime, *, search: str = "", skip: int = 0, limit: int = PAGE) -> views.IssueList:
    """Issues whose title or place has `search` in it, the last seen first, without the first `skip`."""
    chosen = _searched(search)
    with home.store.read() as session:
        total = session.scalar(select(func.count()).select_from(Issue).where(*chosen)) or 0
        order = Issue.last_at.desc(), Issue.id.desc()
        rows = session.scalars(select(Issue).where(*chosen).order_by(*order).offset(skip).limit(limit)).all()
        hours = _hours(session, [row.id for row in rows], now)
        behind = facts.get(session, grouping.NOT_GROUPED) is not None
    more = skip + len(rows) if skip + len(rows) < total else None
    return views.IssueList(tuple(_issue(row, hours[row.id]) for row in rows), total, more, behind)


def one(home: Home, number: int, now: datetime) -> views.IssuePage | None:
    """One issue in full, or None if there is none with this number (any more)."""
    with home.store.read() as session:
        row = session.get(Issue, number)
        if row is None:
            return None
        kind, message, errors = _newest(home, session, number)
        held = _held(session, number)
        left, waiting, batches = _gone(session, number, held)
        return views.IssuePage(
            issue=_issue(row, _hours(session, [number], now)[number]),
            days=_days(session, number, now),
            kind=kind,
            at=message.get("at") if isinstance(message.get("at"), str) else None,
            chain=tuple(_chain(errors)),
            frames=tuple(_frames(errors[0])) if errors else (),
            left=left,
            waiting=waiting,
            looked_at=sum(map(len, held.values())),
            batches=batches,
        )


def _searched(search: str) -> list[ColumnElement[bool]]:
    text = search.strip()[:_LONGEST_SEARCH]
    if not text:
        return []
    return [or_(column.icontains(text, autoescape=True) for column in (Issue.title, Issue.culprit))]


def _issue(row: Issue, hours: tuple[int, ...]) -> views.Issue:
    return views.Issue(row.id, row.title, row.culprit, row.in_product, row.messages, row.first_at, row.last_at, hours)


def _hours(session: Session, numbers: Sequence[int], now: datetime) -> Mapping[int, tuple[int, ...]]:
    last = int(now.timestamp()) // 3600
    first = last - COLUMNS + 1
    wanted = select(IssueBlock.issue_id, IssueBlock.hour, func.sum(IssueBlock.messages))
    wanted = wanted.where(IssueBlock.hour >= first, IssueBlock.hour <= last, IssueBlock.issue_id.in_(numbers))
    found: dict[int, Counter[int]] = defaultdict(Counter)
    for number, hour, messages in session.execute(wanted.group_by(IssueBlock.issue_id, IssueBlock.hour)):
        found[number][hour] = int(messages)
    return {number: tuple(found[number][hour] for hour in range(first, last + 1)) for number in numbers}


def _days(session: Session, number: int, now: datetime) -> tuple[int, ...]:
    """By UTC day, oldest first, today last."""
    last = int(now.timestamp()) // 86_400
    first = last - COLUMNS + 1
    wanted = select(IssueBlock.hour, func.sum(IssueBlock.messages)).group_by(IssueBlock.hour)
    found: Counter[int] = Counter()
    chosen = wanted.where(IssueBlock.issue_id == number, IssueBlock.hour >= first * 24)
    for hour, messages in session.execute(chosen):
        found[hour // 24] += int(messages)
    return tuple(found[day] for day in range(first, last + 1))


def _newest(home: Home, session: Session, number: int) -> tuple[str | None, Mapping[str, Any], list[Any]]:
    """Kind and content of the newest message, and the error logs of some of the newest, that one first."""
    wanted = select(IssueBlock).where(IssueBlock.issue_id == number).order_by(IssueBlock.block_id.desc())
    where = grouping.keys(home.catalogue)
    found: list[Mapping[str, Any]] = []
    for row in session.scalars(wanted.limit(_READ_BLOCKS)):
        try:
            messages = blocks.messages(session, row.block_id)
        except StoreError:
            continue  # sealing told it
        held = grouping.positions(row.positions)[-_READ_MESSAGES:]
        found += [messages[position][1] for position in reversed(held) if position < len(messages)]
        if len(found) >= _READ_MESSAGES:
            break
    errors = [message[key] for message in found if (key := where.get(message["kind"])) in message]
    return (found[0]["kind"], found[0], errors) if errors else (None, {}, [])


def _held(session: Session, number: int) -> dict[int, Sequence[int]]:
    """Block → positions, for the newest blocks that hold messages of the issue."""
    wanted = select(IssueBlock.block_id, IssueBlock.positions).where(IssueBlock.issue_id == number)
    rows = session.execute(wanted.order_by(IssueBlock.block_id.desc()).limit(WINDOW))
    return {block: grouping.positions(data) for block, data in rows}


def _gone(
    session: Session, number: int, held: Mapping[int, Sequence[int]]
) -> tuple[int, int, tuple[views.IssueBatch, ...]]:
    """How many of these messages left, how many wait to go, and in which batches."""
    oldest = min(held, default=0)
    out = Batch.left_at.is_not(None) | (Batch.state == QUEUED)
    wanted = (
        select(Source.block_id, Source.start, Source.kept, Batch)
        .join(Batch, Batch.id == Source.batch_id)
        .join(IssueBlock, (IssueBlock.block_id == Source.block_id) & (IssueBlock.issue_id == number))
        .where(out, Source.block_id >= oldest)
    )
    left: dict[int, set[int]] = defaultdict(set)
    queued: dict[int, set[int]] = defaultdict(set)
    by_batch: dict[int, tuple[Batch, int]] = {}
    for block, start, kept, batch in session.execute(wanted):
        stop = start + len(kept)
        inside = {p for p in held.get(block, ()) if start <= p < stop and kept[p - start]}
        (queued if batch.left_at is None else left)[block] |= inside
        if inside:
            by_batch[batch.id] = batch, by_batch.get(batch.id, (batch, 0))[1] + len(inside)
    newest = sorted(by_batch.values(), key=lambda pair: pair[0].id, reverse=True)[:BATCHES]
    waiting = sum(len(positions - left[block]) for block, positions in queued.items())
    return sum(map(len, left.values())), waiting, _batches(session, newest)


def _batches(session: Session, newest: Sequence[tuple[Batch, int]]) -> tuple[views.IssueBatch, ...]:
    last = select(func.max(Attempt.id)).where(Attempt.batch_id.in_([batch.id for batch, _ in newest]))
    rows = session.scalars(select(Attempt).where(Attempt.id.in_(last.group_by(Attempt.batch_id))))
    attempts = {row.batch_id: row for row in rows}
    return tuple(
        views.IssueBatch(
            case=batch.case,
            sequence=batch.sequence,
            messages=messages,
            sha256=batch.sha256,
            waits=batch.state == QUEUED,
            attempt=attempts[batch.id].id if batch.id in attempts else None,
            outcome=attempts[batch.id].outcome if batch.id in attempts else None,
        )
        for batch, messages in newest
    )


def _chain(errors: Sequence[Mapping[str, Any]]) -> Iterator[views.IssueLink]:
    """The chain of the first, with the shapes of all."""
    seen: dict[str, Counter[str]] = defaultdict(Counter)
    for error in errors:
        for slot, shape in holes_of(error):
            seen[slot][shape] += 1
    for number, link in enumerate(errors[0]["chain"] if errors else ()):
        own = {slot: dict(counts.most_common()) for slot, counts in seen.items() if slot.startswith(f"{number}.")}
        code_text = link.get("code_text")
        yield views.IssueLink(str(link["type"]), None if code_text is None else pieces_of(code_text), own)


def _frames(error: Mapping[str, Any]) -> Iterator[views.IssueFrame]:
    for place, in_product in error["frames"]:
        module, _, rest = place.partition(":")
        function, _, line = rest.rpartition(":")
        is_script = function.isdigit()
        yield views.IssueFrame(
            place=place,
            module=module,
            function=None if is_script or not function else function,
            line=rest if is_script else line,
            in_product=bool(in_product),
        )
