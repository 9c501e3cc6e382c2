"""What was noticed about issues, and how telling it went: names of the vendor's code, and counts."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from corporate.models.base import Base, Key


class Alert(Base):
    """One thing that a rule noticed, once for each `mark`; it stays when its issue goes, hence no key to it.

    `left_out`: beyond the most an hour, so nobody was told by itself. `more`: how many such ones this alert tells of.
    """

    __tablename__ = "alert"
    id: Mapped[int] = mapped_column(Key, primary_key=True)
    mark: Mapped[str] = mapped_column(unique=True)
    rule: Mapped[str]
    at: Mapped[datetime]
    issue_id: Mapped[int | None] = mapped_column(Key)
    title: Mapped[str]
    culprit: Mapped[str]
    count: Mapped[int] = mapped_column(BigInteger)
    installations: Mapped[int]
    more: Mapped[int]
    left_out: Mapped[bool]
    told_at: Mapped[datetime | None]
    __table_args__ = (Index(None, "at"), Index(None, "left_out", "told_at"))


class AlertDelivery(Base):
    """Telling one alert by one way: `way` is webhook, or mail and an address. `state` is waiting, sent or failed."""

    __tablename__ = "alert_delivery"
    id: Mapped[int] = mapped_column(Key, primary_key=True)
    alert_id: Mapped[int] = mapped_column(ForeignKey("alert.id"), index=True)
    way: Mapped[str]
    state: Mapped[str]
    tries: Mapped[int]
    next_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    code: Mapped[str | None]
    status: Mapped[int | None]
    __table_args__ = (Index(None, "state", "next_at"),)


class AlertCursor(Base):
    """How far an issue's history was looked at (the id in `issue_act`); one row."""

    __tablename__ = "alert_cursor"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    issue_act: Mapped[int] = mapped_column(Key)
