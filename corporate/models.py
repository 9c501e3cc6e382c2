"""The tables of corporate.

Leaves to others: reading and writing them. Rules: every row that a customer's installation caused carries
`customer_id`, which is what PostgreSQL's row-level security compares (migrations); keys ascend; times are aware UTC;
the text of a message is the exact line of the body, so that header and messages give the exact bytes back.
"""

from datetime import UTC, datetime
from typing import Any, ClassVar

from sqlalchemy import (
    BigInteger,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator


class Instant(TypeDecorator[datetime]):
    """An aware UTC time; SQLite keeps it without zone, so the zone is put back here."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        """Refuse a time without zone: it would silently be taken for UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without zone; pass datetime.now(UTC)")
        return value.astimezone(UTC)

    def process_result_value(self, value: Any, _dialect: Dialect) -> datetime | None:
        """Give the time back as aware UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


Key = BigInteger().with_variant(Integer, "sqlite")


class Base(DeclarativeBase):
    """All tables; constraint names are fixed so that migrations can name them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {datetime: Instant, str: Text, bytes: LargeBinary}


class Customer(Base):
    """A customer of the vendor; one may have several installations."""

    __tablename__ = "customer"
    id: Mapped[int] = mapped_column(Key, primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    made_at: Mapped[datetime]


class EnrolmentToken(Base):
    """A single-use permission to enrol; only its SHA-256 is kept."""

    __tablename__ = "enrolment_token"
    id: Mapped[int] = mapped_column(Key, primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    sha256: Mapped[str] = mapped_column(unique=True)
    made_at: Mapped[datetime]
    made_by: Mapped[str]
    expires_at: Mapped[datetime]
    signature_allowed: Mapped[bool]
    used_at: Mapped[datetime | None]
    used_by: Mapped[str | None]
    succeeds: Mapped[str | None]


class Installation(Base):
    """One enrolled installation and its public key. `next_at_us` is the rate limit's clock (microseconds).

    `succeeds` is the installation that this one was a copy of, or continues; its token said so.
    """

    __tablename__ = "installation"
    id: Mapped[str] = mapped_column(primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    public_key: Mapped[bytes]
    thumbprint: Mapped[str]
    enrolled_at: Mapped[datetime]
    signature_allowed: Mapped[bool]
    last_seen_at: Mapped[datetime | None]
    last_authenticated: Mapped[str | None]
    next_at_us: Mapped[int] = mapped_column(BigInteger, default=0)
    revoked_at: Mapped[datetime | None]
    revoked_by: Mapped[str | None]
    succeeds: Mapped[str | None]


class Certificate(Base):
    """Every certificate that was issued; a certificate without a row here, or with `revoked_at`, is refused."""

    __tablename__ = "certificate"
    id: Mapped[int] = mapped_column(Key, primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    installation_id: Mapped[str] = mapped_column(ForeignKey("installation.id"), index=True)
    fingerprint: Mapped[str] = mapped_column(unique=True)
    pem: Mapped[str]
    not_before: Mapped[datetime]
    not_after: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


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
    messages lack it, and the lines are no longer the body.
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
    __table_args__ = (
        UniqueConstraint("installation_id", "case", "sequence"),
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


class StoredCatalogue(Base):
    """A catalogue that batches may name by hash: the text of its source files, core first."""

    __tablename__ = "catalogue"
    hash: Mapped[str] = mapped_column(primary_key=True)
    sources: Mapped[str]
    label: Mapped[str]
    added_at: Mapped[datetime]


class Published(Base):
    """One entry of the published list of catalogues: its position from 0, and the exact bytes that are hashed."""

    __tablename__ = "published"
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    catalogue: Mapped[str] = mapped_column(ForeignKey("catalogue.hash"), unique=True)
    leaf: Mapped[bytes]


class StoredIndex(Base):
    """An index that batches may name by hash."""

    __tablename__ = "release_index"
    hash: Mapped[str] = mapped_column(primary_key=True)
    release: Mapped[str]
    data: Mapped[bytes]
    added_at: Mapped[datetime]


class Account(Base):
    """Somebody of the vendor's staff who may sign in."""

    __tablename__ = "account"
    id: Mapped[int] = mapped_column(Key, primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    password: Mapped[str]
    made_at: Mapped[datetime]


class SignedIn(Base):
    """A session of the pages; only the SHA-256 of the cookie's token is kept."""

    __tablename__ = "signed_in"
    sha256: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"))
    expires_at: Mapped[datetime]


class Throttle(Base):
    """Failed sign-ins by whom and from where."""

    __tablename__ = "throttle"
    key: Mapped[str] = mapped_column(primary_key=True)
    failures: Mapped[int]
    until: Mapped[datetime]
