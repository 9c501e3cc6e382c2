"""Issues: errors that are one fault, what was counted of them, and what people did about them.

    issue ── issue_group (one a key) ── issue_part (one an installation and release) ┬─ issue_hour   events by hour
       └──── issue_act   history, comments                                           ├─ issue_shape  shapes in holes
                                                                                     └─ sighting     one a message

Everything below a group moves with it, so that merging and splitting change no count. What an issue says of itself
(count, times, installations) is always that of its parts (corporate.issues.counting). Issue and group name places in
the vendor's own code, and are no rows of a customer; they go with their last sighting.
"""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from corporate.models.base import Base, Key


class Issue(Base):
    """One fault. `state` is open, regressed, resolved or ignored.

    `resolved_in`: a release's label; None with `resolved_at` means the next release. Ignored lasts until the count or
    the number of installations is larger than stated, or the time has come; without any of them, until somebody opens
    it again.
    """

    __tablename__ = "issue"
    id: Mapped[int] = mapped_column(Key, primary_key=True)
    title: Mapped[str]
    culprit: Mapped[str]
    types: Mapped[str]
    in_product: Mapped[bool]
    state: Mapped[str]
    resolved_in: Mapped[str | None]
    resolved_at: Mapped[datetime | None]
    ignored_count: Mapped[int | None] = mapped_column(BigInteger)
    ignored_installations: Mapped[int | None]
    ignored_until: Mapped[datetime | None]
    assigned_to: Mapped[str | None]
    count: Mapped[int] = mapped_column(BigInteger)
    installations: Mapped[int]
    first_at: Mapped[datetime]
    last_at: Mapped[datetime]
    made_at: Mapped[datetime]
    __table_args__ = (
        Index(None, "last_at", "id"),
        Index(None, "count", "id"),
        Index(None, "installations", "id"),
        Index(None, "first_at", "id"),
        Index(None, "state"),
    )


class IssueGroup(Base):
    """One grouping key (event.issue), and the issue it belongs to now. `types` are joined by a space."""

    __tablename__ = "issue_group"
    id: Mapped[int] = mapped_column(Key, primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    issue_id: Mapped[int] = mapped_column(ForeignKey("issue.id"), index=True)
    title: Mapped[str]
    culprit: Mapped[str]
    types: Mapped[str]
    in_product: Mapped[bool]


class IssuePart(Base):
    """What one installation showed of one group in one release: how often, first and last."""

    __tablename__ = "issue_part"
    id: Mapped[int] = mapped_column(Key, primary_key=True)
    group_id: Mapped[int] = mapped_column(ForeignKey("issue_group.id"))
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    installation_id: Mapped[str] = mapped_column(ForeignKey("installation.id"), index=True)
    release: Mapped[str]
    count: Mapped[int] = mapped_column(BigInteger)
    first_at: Mapped[datetime]
    last_at: Mapped[datetime]
    __table_args__ = (
        UniqueConstraint("group_id", "installation_id", "release"),
        Index(None, "release", "group_id"),
    )


class IssueHour(Base):
    """Events of a part in one hour; `hour` counts from 1970-01-01T00Z."""

    __tablename__ = "issue_hour"
    part_id: Mapped[int] = mapped_column(ForeignKey("issue_part.id"), primary_key=True, autoincrement=False)
    hour: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    customer_id: Mapped[int] = mapped_column(Key)
    count: Mapped[int] = mapped_column(BigInteger)
    __table_args__ = ({"sqlite_with_rowid": False},)


class IssueShape(Base):
    """How often a shape stood in a hole of the message; `slot` names the hole (event.issue.holes_of)."""

    __tablename__ = "issue_shape"
    part_id: Mapped[int] = mapped_column(ForeignKey("issue_part.id"), primary_key=True, autoincrement=False)
    slot: Mapped[str] = mapped_column(primary_key=True)
    shape: Mapped[str] = mapped_column(primary_key=True)
    customer_id: Mapped[int] = mapped_column(Key)
    count: Mapped[int] = mapped_column(BigInteger)
    __table_args__ = ({"sqlite_with_rowid": False},)


class Sighting(Base):
    """One message that was counted, by batch and position, in which part, and when it happened.

    No foreign keys, for the reason that `message` has none; it goes with its message.
    """

    __tablename__ = "sighting"
    batch_id: Mapped[int] = mapped_column(Key, primary_key=True, autoincrement=False)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    customer_id: Mapped[int] = mapped_column(Key)
    part_id: Mapped[int] = mapped_column(Key)
    at: Mapped[datetime]
    __table_args__ = (Index(None, "part_id", "at"), {"sqlite_with_rowid": False})


class IssueAct(Base):
    """One line of an issue's history: what somebody did, or `corporate` by itself; `words` is a comment or a detail."""

    __tablename__ = "issue_act"
    id: Mapped[int] = mapped_column(Key, primary_key=True)
    issue_id: Mapped[int] = mapped_column(ForeignKey("issue.id"), index=True)
    at: Mapped[datetime]
    actor: Mapped[str]
    what: Mapped[str]
    words: Mapped[str]


class IssueRule(Base):
    """An override of grouping: errors that fit all that is stated become the one issue `name`.

    `kind` is an exception type of the chain, `place` a module or a function of the product with all below it, `words` a
    part of the message's words; None fits everything.
    """

    __tablename__ = "issue_rule"
    id: Mapped[int] = mapped_column(Key, primary_key=True)
    name: Mapped[str]
    kind: Mapped[str | None]
    place: Mapped[str | None]
    words: Mapped[str | None]
    made_at: Mapped[datetime]
    made_by: Mapped[str]
