"""Counts and notices: sums by hour and by day that are added to, and notices that open, repeat and end.

Rules: one row an hour and case, or a day and reason, however much happens; names and numbers only, never a value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Executable, Table, bindparam, func, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from diffgram_home.models import Hour, Notice, Tally

DROPPED, WITHHELD = "dropped", "withheld"
MAX_PATH = 200

# Asked for with every batch, and nearly always in vain: made once, and of the plain table.
_NOTICE = Notice.__table__
_ENDING = (
    update(_NOTICE)
    .where(_NOTICE.c.code == bindparam("told"), _NOTICE.c.ended_at.is_(None))
    .values(ended_at=bindparam("now"))
)
_ENDING_ONE = _ENDING.where(_NOTICE.c.subject == bindparam("about"))


def add_hour(
    session: Session,
    now: datetime,
    case: str,
    *,
    collected: int = 0,
    messages: int = 0,
    size_bytes: int = 0,
    attempts: int = 0,
) -> None:
    """Add to the hour of `now`."""
    hour = now.replace(minute=0, second=0, microsecond=0)
    sums = {"collected": collected, "messages": messages, "size_bytes": size_bytes, "attempts": attempts}
    _add(session, Hour.__table__, [{"at": hour, "case": case, **sums}], tuple(sums))


def add_tally(session: Session, now: datetime, what: str, case: str, counts: Mapping[tuple[str, str], int]) -> None:
    """Add counts by (reason, path) to the day of `now`; `what` is DROPPED or WITHHELD."""
    day = now.strftime("%Y-%m-%d")
    rows = [
        {"day": day, "what": what, "case": case, "reason": reason, "path": path[:MAX_PATH], "count": count}
        for (reason, path), count in counts.items()
        if count
    ]
    if rows:
        _add(session, Tally.__table__, rows, ("count",))


def notice(session: Session, now: datetime, code: str, subject: str, text: str, hint: str, count: int = 1) -> bool:
    """Open a notice, or repeat the one that is open; True if it is new (or had ended)."""
    row = session.get(Notice, (code, subject[:300]))
    if row is None:
        new = Notice(code=code, subject=subject[:300], first_at=now, last_at=now, count=count, text=text, hint=hint)
        session.add(new)
        session.flush()
        return True
    fresh = row.ended_at is not None
    row.first_at = now if fresh else row.first_at
    row.count = count if fresh else row.count + count
    row.last_at, row.text, row.hint, row.ended_at = now, text, hint, None
    session.flush()
    return fresh


def reword(session: Session, now: datetime, code: str, subject: str, text: str, hint: str) -> None:
    """Open a notice, or say what the open one says in other words; it is not repeated by that."""
    row = session.get(Notice, (code, subject[:300]))
    if row is None or row.ended_at is not None:
        notice(session, now, code, subject, text, hint)
    elif (row.text, row.hint) != (text, hint):
        row.text, row.hint, row.last_at = text, hint, now
        session.flush()


def end_notice(session: Session, now: datetime, code: str, subject: str | None = None) -> None:
    """Say that what the notice told is over."""
    if subject is None:
        ended = session.execute(_ENDING, {"told": code, "now": now})
    else:
        ended = session.execute(_ENDING_ONE, {"told": code, "about": subject[:300], "now": now})
    if ended.rowcount:
        for row in list(session.identity_map.values()):
            if isinstance(row, Notice):
                session.expire(row)


def _add(session: Session, table: Any, rows: Sequence[Mapping[str, Any]], sums: tuple[str, ...]) -> None:
    """Insert rows, or add their sums to the rows that are there; both databases speak ON CONFLICT."""
    session.execute(_adding(table, session.get_bind().dialect.name, sums), list(rows))


@lru_cache(maxsize=16)
def _adding(target: Table, dialect_name: str, sums: tuple[str, ...]) -> Executable:
    """The statement, made once for each table: putting it together costs more than running it."""
    dialect = sqlite if dialect_name == "sqlite" else postgresql
    insert = dialect.insert(target)
    added = {name: func.coalesce(target.c[name], 0) + insert.excluded[name] for name in sums}
    keys = [column.name for column in target.primary_key]
    return insert.on_conflict_do_update(index_elements=keys, set_=added)
