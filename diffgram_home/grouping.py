"""Notes which messages kept here are errors of one issue, so that the page Issues need not read them all.

What belongs together is `event.issue`'s, showing is `issues`'. Rules:
- Nothing here is sent or sealed, and no batch depends on it. The rows hold names of the vendor's code, counts, times,
  and where each message lies; its content stays in its block only.
- Noted in the transaction that takes a block in, and forgotten in the one that lets it go (`pruning`): what is shown is
  what is here.
- What was spooled has not passed the gate yet. A value that is no error log is passed over: the gate withholds it, and
  counts it.
- At most MOST issues at a time; what comes beyond them is kept like everything, is not listed, and a notice says so.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import delete, exists, func, select, update
from sqlalchemy.orm import Session

from audit.catalogue import Catalogue
from diffgram_home import blocks, counting, facts
from diffgram_home.errors import StoreError
from diffgram_home.home import Home
from diffgram_home.models import Block, Issue, IssueBlock
from event.issue import Group, group_of

MOST = 5_000
MANY = "issues-many"
NOT_GROUPED = "not_grouped"
"""The fact that names the newest block from before this table was there, while such blocks are gone through."""
_BLOCKS_A_TICK = 20
_REMEMBERED = 4_096
_LONGEST = 500
_TYPES = ("error_log", "script_log")
Error = tuple[int, Any]
"""A message's position, and the value of its error log."""


def keys(catalogue: Catalogue) -> dict[str, str]:
    """Kind of message → the key that holds its error log, for the kinds that have one."""
    fields = (field for field in catalogue.fields.values() if field.type in _TYPES)
    return {kind: field.key for field in fields for kind in field.kinds}


def note(home: Home, session: Session, block: Block, errors: Sequence[Error]) -> None:
    """Note which messages of a new block are of which issue."""
    found: dict[str, tuple[Group, list[int]]] = {}
    for position, value in errors:
        group = _group(home, value)
        if group is not None:
            found.setdefault(group.key, (group, []))[1].append(position)
    if not found:
        return
    numbers = _numbers(session, found, block.taken_at)
    for key, (_, positions) in found.items():
        if key in numbers:
            session.add(_row(block, numbers[key], positions))
    session.flush()


def forget(session: Session, block_ids: Sequence[int]) -> None:
    """Forget what was noted of these blocks, which are about to go, and issues of which nothing is left."""
    gone = IssueBlock.block_id.in_(block_ids)
    wanted = select(IssueBlock.issue_id, func.sum(IssueBlock.messages)).where(gone).group_by(IssueBlock.issue_id)
    sums = session.execute(wanted).all()
    session.execute(delete(IssueBlock).where(gone))
    for number, messages in sums:
        session.execute(update(Issue).where(Issue.id == number).values(messages=Issue.messages - int(messages)))
    touched = [number for number, _ in sums]
    session.execute(delete(Issue).where(Issue.id.in_(touched), Issue.messages <= 0))


def catch_up(home: Home, _now: datetime) -> int:
    """Go through some blocks from before this release, newest first; returns how many. Nothing to do is cheap."""
    with home.store.read() as session:
        newest = facts.get(session, NOT_GROUPED)
    if newest is None:
        return 0
    with home.store.write() as session:
        newest = facts.get(session, NOT_GROUPED)
        wanted = select(Block).where(Block.id <= (newest or 0)).order_by(Block.id.desc()).limit(_BLOCKS_A_TICK)
        found = list(session.scalars(wanted))
        for block in found:
            if not session.scalar(select(exists().where(IssueBlock.block_id == block.id))):
                note(home, session, block, _errors_in(home, block))
        facts.put(session, NOT_GROUPED, found[-1].id - 1 if len(found) == _BLOCKS_A_TICK else None)
    return len(found)


def positions(data: bytes) -> array[int]:
    """What a row's `positions` say."""
    found = array("H")
    found.frombytes(data)
    return _little(found)


def _row(block: Block, issue: int, held: list[int]) -> IssueBlock:
    hour = int(block.taken_at.timestamp()) // 3600
    packed = _little(array("H", held)).tobytes()
    return IssueBlock(block_id=block.id, issue_id=issue, hour=hour, messages=len(held), positions=packed)


def _little(numbers: array[int]) -> array[int]:
    if array("H", [1]).tobytes()[0] != 1:
        numbers.byteswap()
    return numbers


def _numbers(session: Session, found: Mapping[str, tuple[Group, list[int]]], now: datetime) -> dict[str, int]:
    """The row of each issue, made where it is new; those beyond MOST are absent."""
    known = {row.key: row for row in session.scalars(select(Issue).where(Issue.key.in_(found)))}
    room = MOST - (session.scalar(select(func.count()).select_from(Issue)) or 0) if len(known) < len(found) else 0
    for key, (group, held) in found.items():
        row = known.get(key)
        if row is None and room > 0:
            row = known[key] = _new(group, now)
            session.add(row)
            room -= 1
        if row is not None:
            row.messages += len(held)
            row.last_at = max(row.last_at, now)
            row.first_at = min(row.first_at, now)
    if len(known) < len(found):
        text = f"more than {MOST:,} different errors are kept here; newer ones are not listed under Issues"
        counting.notice(session, now, MANY, "issues", text, "what is kept goes by age ([keep] local_days)")
    session.flush()
    return {key: row.id for key, row in known.items()}


def _new(group: Group, now: datetime) -> Issue:
    return Issue(
        key=group.key,
        title=_text(group.title),
        culprit=_text(group.culprit),
        in_product=group.in_product,
        messages=0,
        first_at=now,
        last_at=now,
    )


def _text(text: str) -> str:
    """As the database takes it: nothing is checked yet, and PostgreSQL has no NUL and no lone surrogates."""
    return text[:_LONGEST].replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def _group(home: Home, value: Any) -> Group | None:
    """The group of a value, remembered by its bytes: many errors are one and the same."""
    remembered: dict[bytes, Group] = home.cache.setdefault("groups", {})
    try:
        data = msgspec.json.encode(value)
        if data not in remembered:
            if len(remembered) >= _REMEMBERED:
                remembered.clear()
            remembered[data] = group_of(value, home.index)
        return remembered[data]
    except Exception:  # a pure function over what anybody may have spooled: whatever it was, it is no error log
        return None


def _errors_in(home: Home, block: Block) -> list[Error]:
    where = keys(home.catalogue)
    found: dict[int, Any] = {}
    try:
        for position, (_, message) in enumerate(blocks.unpack(block)):
            key = where.get(message.get("kind", ""))
            if key is not None and key in message:
                found[position] = message[key]
    except StoreError:
        return []  # sealing told it
    return list(found.items())
