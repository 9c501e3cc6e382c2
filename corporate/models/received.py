"""What arrived: numbers, batches and messages, and what was refused or contradicts something."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from corporate.models.base import Base, Key


class Lane(Base):
    """One case of one installation: how far its numbers go."""

    __tablename__ = "lane"
    installation_id: Mapped[str] = mapped_column(ForeignKey("installation.id"), primary_key=True)
    case: Mapped[str] = mapped_column(primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    highest: Mapped[int] = mapped_column(BigInteger)


class Gap(Base):
    """Numbers `first` to `last` of a lane that have not arrived, though a higher one has, `since` when."""

    __tablename__ = "gap"
    id: Mapped[int] = mapped_column(Key, primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    installation_id: Mapped[str] = mapped_column(ForeignKey("installation.id"))
    case: Mapped[str]
    first: Mapped[int] = mapped_column(BigInteger)
    last: Mapped[int] = mapped_column(BigInteger)
    since: Mapped[datetime | None]
    __table_args__ = (Index(None, "installation_id", "case", "first"),)


class Batch(Base):
    """One received batch. Header line and messages, each with its LF, are the exact body of `sha256`.

    After deletion (`deleted_at`) header, signature and messages are gone; after deletion of a field (`altered_at`) the
    messages lack it, and the lines are no longer the body. `read_at` is when its errors were counted in issues.
    """

    __tablename__ = "batch"
    id: Mapped[int] = mapped_column(Key, primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    installation_id: Mapped[str] = mapped_column(ForeignKey("installation.id"))
    case: Mapped[str]
    sequence: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str]
    size_bytes: Mapped[int]
    messages: Mapped[int]
    void: Mapped[str | None]
    header: Mapped[str]
    signature: Mapped[str]
    ledger_size: Mapped[int] = mapped_column(BigInteger)
    ledger_root: Mapped[str]
    received_at: Mapped[datetime]
    authenticated: Mapped[str]
    receipt: Mapped[str]
    deleted_at: Mapped[datetime | None]
    altered_at: Mapped[datetime | None]
    read_at: Mapped[datetime | None]
    __table_args__ = (
        UniqueConstraint("installation_id", "case", "sequence"),
        Index("ix_batch_unread", "id", postgresql_where=text("read_at IS NULL"), sqlite_where=text("read_at IS NULL")),
        Index(None, "installation_id", "ledger_size"),
        Index(None, "installation_id", "id"),
        Index(None, "case", "id"),
    )


class Kind(Base):
    """Kinds of messages that have arrived, numbered, so that a message's row stays small."""

    __tablename__ = "kind"
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)


class Message(Base):
    """One message: batch and position identify it. `line` is its exact line of the body, without LF.

    No foreign keys: PostgreSQL would check them with one query a row, which halves the rate of ingest, and the only
    function that writes here (`storing.messages`) makes batch and kinds in the same transaction.
    """

    __tablename__ = "message"
    batch_id: Mapped[int] = mapped_column(Key, primary_key=True, autoincrement=False)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    customer_id: Mapped[int] = mapped_column(Key)
    kind_id: Mapped[int]
    line: Mapped[str]
    __table_args__ = (Index(None, "kind_id", "batch_id", "position"), {"sqlite_with_rowid": False})


class Refusal(Base):
    """What an installation sent and we refused: counted by code and key path, never its content."""

    __tablename__ = "refusal"
    id: Mapped[int] = mapped_column(Key, primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    installation_id: Mapped[str] = mapped_column(ForeignKey("installation.id"))
    code: Mapped[str]
    path: Mapped[str]
    count: Mapped[int] = mapped_column(BigInteger)
    first_at: Mapped[datetime]
    last_at: Mapped[datetime]
    __table_args__ = (UniqueConstraint("installation_id", "code", "path"),)


class Conflict(Base):
    """Two statements of one identity that cannot both be true: most likely two machines that use it.

    `settled_at` is when somebody of the staff, having asked the customer, said that it is over; another one opens it.
    """

    __tablename__ = "conflict"
    id: Mapped[int] = mapped_column(Key, primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    installation_id: Mapped[str] = mapped_column(ForeignKey("installation.id"))
    code: Mapped[str]
    case: Mapped[str]
    sequence: Mapped[int] = mapped_column(BigInteger)
    kept_sha256: Mapped[str]
    other_sha256: Mapped[str]
    count: Mapped[int] = mapped_column(BigInteger)
    first_at: Mapped[datetime]
    last_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]
    settled_by: Mapped[str | None]
    __table_args__ = (UniqueConstraint("installation_id", "code", "case", "sequence"),)


class Incident(Base):
    """One Unexpected Data Transfer: key paths and counts of what arrived undeclared, and its timeline."""

    __tablename__ = "incident"
    id: Mapped[int] = mapped_column(Key, primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    installation_id: Mapped[str] = mapped_column(ForeignKey("installation.id"))
    token: Mapped[str] = mapped_column(unique=True)
    source: Mapped[str]
    sha256: Mapped[str]
    paths: Mapped[str]
    arrived_at: Mapped[datetime]
    told_at: Mapped[datetime]
    deleted_at: Mapped[datetime | None]
    statement: Mapped[str | None]
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[str | None]
    __table_args__ = (UniqueConstraint("installation_id", "sha256"), Index(None, "installation_id", "id"))
