"""What somebody asked for, or did: of an installation, by hand, or to be deleted."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from corporate.models.base import Base, Key


class Ask(Base):
    """Somebody of the staff asks an installation, or with no `installation_id` all of a customer's, for less."""

    __tablename__ = "ask"
    id: Mapped[int] = mapped_column(Key, primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    installation_id: Mapped[str | None] = mapped_column(ForeignKey("installation.id"))
    what: Mapped[str]
    name: Mapped[str]
    to: Mapped[str]
    why: Mapped[str]
    until: Mapped[datetime]
    made_at: Mapped[datetime]
    made_by: Mapped[str]
    lifted_at: Mapped[datetime | None]
    lifted_by: Mapped[str | None]
    __table_args__ = (Index(None, "customer_id", "id"),)


class Instruction(Base):
    """One signed document of everything asked of an installation; the highest number is what it is told."""

    __tablename__ = "instruction"
    installation_id: Mapped[str] = mapped_column(ForeignKey("installation.id"), primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    issued_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    document: Mapped[str]


class SupportRequest(Base):
    """One request of support to an installation, and what came back.

    `chain` is the SHA-256 over the one of the request before (of the same installation) and the document's own, so that
    none can be taken out or changed unseen. `decision` and what follows it is what the installation said last.
    """

    __tablename__ = "support_request"
    id: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    installation_id: Mapped[str] = mapped_column(ForeignKey("installation.id"))
    made_at: Mapped[datetime]
    made_by: Mapped[str]
    expires_at: Mapped[datetime]
    document: Mapped[str]
    chain: Mapped[str]
    withdrawn_at: Mapped[datetime | None]
    withdrawn_by: Mapped[str | None]
    decision: Mapped[str | None]
    why: Mapped[str | None]
    grant_id: Mapped[str | None]
    ends_at: Mapped[datetime | None]
    told_at: Mapped[datetime | None]
    answer: Mapped[str | None]
    __table_args__ = (UniqueConstraint("installation_id", "number"),)


class Carried(Base):
    """One import of a file that was carried by hand: who brought in what, and the file of answers to carry back."""

    __tablename__ = "carried"
    id: Mapped[int] = mapped_column(Key, primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    installation_id: Mapped[str] = mapped_column(ForeignKey("installation.id"), index=True)
    sha256: Mapped[str]
    at: Mapped[datetime]
    actor: Mapped[str]
    accepted: Mapped[int]
    refused: Mapped[int]
    answers: Mapped[bytes]


class Deletion(Base):
    """One deletion that was asked for: what it means, also for what arrives later, and the statement that was signed.

    `before_size`: what was sealed before this size of the installation's ledger is meant. `pairs` are kind and key of
    a field, as JSON. `told` counts how often the statement has ridden on an answer, where nobody there asked for it.
    """

    __tablename__ = "deletion"
    id: Mapped[int] = mapped_column(Key, primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    installation_id: Mapped[str] = mapped_column(ForeignKey("installation.id"))
    request_sha256: Mapped[str | None]
    request: Mapped[str | None]
    asked_by: Mapped[str]
    what: Mapped[str]
    case: Mapped[str | None]
    batch: Mapped[str | None]
    from_at: Mapped[datetime | None]
    until_at: Mapped[datetime | None]
    pairs: Mapped[str | None]
    before_size: Mapped[int] = mapped_column(BigInteger)
    deleted_at: Mapped[datetime]
    document: Mapped[str]
    told: Mapped[int]
    __table_args__ = (
        UniqueConstraint("installation_id", "request_sha256"),
        Index(None, "installation_id", "before_size"),
    )


class Act(Base):
    """Something that somebody of the staff did, and no other row tells: to an installation, or to an account.

    `subject` is the account's name while there is such an account.
    """

    __tablename__ = "act"
    id: Mapped[int] = mapped_column(Key, primary_key=True)
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customer.id"))
    installation_id: Mapped[str | None] = mapped_column(ForeignKey("installation.id"), index=True)
    at: Mapped[datetime]
    actor: Mapped[str]
    what: Mapped[str]
    subject: Mapped[str | None]
