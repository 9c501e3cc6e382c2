"""Release health: sessions without errors, by release, read from the messages that are here.

Leaves to others: rendering. Rules: nothing is kept beside the messages (kind home/session, decision 0031), so that a
deletion has nothing to take back here; a count that timed out or failed (-1, -2) is none; what an installation held
back because the group was small is not here, so these are not all sessions.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import JSON, BigInteger, Text, case, cast, distinct, func, select

from corporate.database import EVERYBODY, Store
from corporate.models import Batch, Kind, Message

KIND = "home/session"
DAYS = 14
"""Batches that arrived in so many days are counted."""


@dataclass(frozen=True, slots=True)
class Health:
    """Sessions of one release ("" where none was stated): how many, with errors, and on how many installations."""

    release: str
    counted: str
    sessions: int
    errored: int
    installations: int

    @property
    def without(self) -> float | None:
        """The share of sessions without an error, 0 to 1; None where there are no sessions."""
        return None if not self.sessions else max(0, self.sessions - self.errored) / self.sessions


def of_releases(store: Store, now: datetime) -> tuple[Health, ...]:
    """Every release that had sessions, those of browsers and of programs apart; most sessions first."""

    def value(key: str) -> Any:
        if store.is_postgresql:
            return cast(Message.line, JSON)[key].as_string()
        return func.json_extract(Message.line, f"$.{key}")

    def number(key: str) -> Any:
        found = cast(value(key), BigInteger)
        return func.coalesce(func.sum(case((found > 0, found), else_=0)), 0)

    names = [func.coalesce(cast(value(key), Text), "").label(key) for key in ("release", "counted")]
    wanted = (
        select(*names, number("sessions"), number("errored"), func.count(distinct(Batch.installation_id)))
        .join(Batch, Batch.id == Message.batch_id)
        .where(
            Message.kind_id == select(Kind.id).where(Kind.name == KIND).scalar_subquery(),
            Batch.received_at >= now - timedelta(days=DAYS),
        )
        .group_by(*names)
    )
    with store.reading(EVERYBODY) as session:
        found = session.execute(wanted).all()
    rows = [Health(release, counted, int(every), int(bad), spread) for release, counted, every, bad, spread in found]
    return tuple(sorted(rows, key=lambda row: (-row.sessions, row.release, row.counted)))
