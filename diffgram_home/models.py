"""The tables of the installation's database, and nothing else: no queries, no rules.

Rules: one row a block, batch, attempt or leaf, never one a message; every key ascends (a random key costs SQLite
five times); instants are aware UTC in Python and sort in the database; what proves something (`leaf`, `node`,
`head`) is only ever written by `ledger.py`. A batch's life:

    queued ──accepted──▶ sent
      │ ├───refused for good (400, 409, 413)──▶ refused      the bytes stay; a person reads why
      │ └───mode or consent changed──▶ voiding ──acknowledged──▶ voided

While `voiding`, `sha256` names the void's own body (a header, no messages) and `voided_sha256` the body that must not
go any more. Messages of a voided batch are sealed again at once if its bytes never left, otherwise only after
corporate has acknowledged the void (they could be stored twice).
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import BigInteger, DateTime, ForeignKey, Index, Integer, LargeBinary, String, Text, TypeDecorator, text
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

QUEUED, SENT, REFUSED, VOIDING, VOIDED = "queued", "sent", "refused", "voiding", "voided"
BATCH_STATES = (QUEUED, SENT, REFUSED, VOIDING, VOIDED)
ACCEPTED, REJECTED, UNKNOWN = "accepted", "rejected", "unknown"
OUTCOMES = (ACCEPTED, REJECTED, UNKNOWN)

# SQLite gives an ascending key of its own only to a column declared INTEGER.
Key = BigInteger().with_variant(Integer, "sqlite")


class Instant(TypeDecorator[datetime]):
    """An aware UTC datetime; SQLite keeps no zone, so it is taken off and put back here."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse a datetime without a zone, since it would be read back as another moment."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant needs a time zone")
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        """Give the moment back with its zone."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """Names every table, for the migrations."""


class Value(Base):
    """One small fact about the installation as JSON text, by name: `installation`, `generation`, `heartbeat` …"""

    __tablename__ = "value"
    name: Mapped[str] = mapped_column(String(60), primary_key=True)
    data: Mapped[str] = mapped_column(Text)


class Head(Base):
    """The ledger's one head row: size and frontier (PROOFS' serialised form), moved with each append."""

    __tablename__ = "head"
    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    size: Mapped[int] = mapped_column(BigInteger)
    frontier: Mapped[bytes] = mapped_column(LargeBinary)


class Leaf(Base):
    """One ledger record: `position` counts from 0, `data` are the canonical bytes that are hashed."""

    __tablename__ = "leaf"
    position: Mapped[int] = mapped_column(Key, primary_key=True, autoincrement=False)
    type: Mapped[str] = mapped_column(String(20))
    at: Mapped[datetime] = mapped_column(Instant)
    data: Mapped[bytes] = mapped_column(LargeBinary)
    __table_args__ = (Index("leaf_by_type", "type", "position"),)


class Node(Base):
    """The hash of one complete subtree of the ledger (level 0: leaf hashes), so that a proof costs a few rows."""

    __tablename__ = "node"
    level: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(Key, primary_key=True, autoincrement=False)
    hash: Mapped[bytes] = mapped_column(LargeBinary)


class Checkpoint(Base):
    """A signed note (C2SP) over the ledger at `size` leaves."""

    __tablename__ = "checkpoint"
    size: Mapped[int] = mapped_column(Key, primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(Instant, index=True)
    text: Mapped[str] = mapped_column(Text)


class Body(Base):
    """The exact bytes of a batch or of a void, compressed (zstd); `pruned_at` is set when they were let go by age."""

    __tablename__ = "body"
    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    at: Mapped[datetime] = mapped_column(Instant, index=True)
    size_bytes: Mapped[int] = mapped_column(Integer)
    zstd: Mapped[bytes | None] = mapped_column(LargeBinary)
    pruned_at: Mapped[datetime | None] = mapped_column(Instant)


class Segment(Base):
    """How far one spool segment has been taken (`taken`, bytes), and which of its drop counts have been gathered."""

    __tablename__ = "segment"
    name: Mapped[str] = mapped_column(String(200), primary_key=True)
    taken: Mapped[int] = mapped_column(BigInteger)
    counts: Mapped[str] = mapped_column(Text)


class Block(Base):
    """Up to 1,000 collected messages of one case: zstd of `[word,{message}]` lines. `sealed_to` is sealing's cursor."""

    __tablename__ = "block"
    id: Mapped[int] = mapped_column(Key, primary_key=True)
    case: Mapped[str] = mapped_column(String(20))
    taken_at: Mapped[datetime] = mapped_column(Instant)
    messages: Mapped[int] = mapped_column(Integer)
    sealed_to: Mapped[int] = mapped_column(Integer)
    size_bytes: Mapped[int] = mapped_column(Integer)
    zstd: Mapped[bytes] = mapped_column(LargeBinary)
    waiting: Mapped[bool] = mapped_column()
    __table_args__ = (
        Index("block_waiting", "case", "id", sqlite_where=text("waiting"), postgresql_where=text("waiting")),
        Index("block_by_case", "case", "id"),
        Index("block_by_age", "taken_at"),
    )


class Issue(Base):
    """Errors kept here that are one issue (`event.issue`); it goes with the last of its messages.

    `messages` counts those of its blocks; `first_at` is the oldest ever taken, also when that one went by age.
    """

    __tablename__ = "issue"
    id: Mapped[int] = mapped_column(Key, primary_key=True)
    key: Mapped[str] = mapped_column(String(32), unique=True)
    title: Mapped[str] = mapped_column(Text)
    culprit: Mapped[str] = mapped_column(Text)
    in_product: Mapped[bool] = mapped_column()
    messages: Mapped[int] = mapped_column(BigInteger)
    first_at: Mapped[datetime] = mapped_column(Instant)
    last_at: Mapped[datetime] = mapped_column(Instant, index=True)


class IssueBlock(Base):
    """Which messages of a block are of an issue: `positions` are 16 bits each, little-endian, ascending.

    `hour` counts from 1970, and is of the block.
    """

    __tablename__ = "issue_block"
    block_id: Mapped[int] = mapped_column(ForeignKey("block.id"), primary_key=True, autoincrement=False)
    issue_id: Mapped[int] = mapped_column(ForeignKey("issue.id"), primary_key=True, autoincrement=False)
    hour: Mapped[int] = mapped_column(Integer)
    messages: Mapped[int] = mapped_column(Integer)
    positions: Mapped[bytes] = mapped_column(LargeBinary)
    __table_args__ = (
        Index("issue_block_newest", "issue_id", "block_id"),
        Index("issue_block_hours", "issue_id", "hour", "messages"),
        Index("issue_block_day", "hour", "issue_id", "messages"),
    )


class Batch(Base):
    """One sequence number of a case and the bytes that stand for it now; see the module for the states."""

    __tablename__ = "batch"
    id: Mapped[int] = mapped_column(Key, primary_key=True, autoincrement=False)
    case: Mapped[str] = mapped_column(String(20))
    sequence: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[str] = mapped_column(String(10))
    sha256: Mapped[str] = mapped_column(String(64), index=True)
    size_bytes: Mapped[int] = mapped_column(Integer)
    messages: Mapped[int] = mapped_column(Integer)
    generation: Mapped[int] = mapped_column(BigInteger)
    sealed_at: Mapped[datetime] = mapped_column(Instant)
    tries: Mapped[int] = mapped_column(Integer, default=0)
    next_try_at: Mapped[datetime | None] = mapped_column(Instant)
    last_outcome: Mapped[str | None] = mapped_column(String(10))
    last_code: Mapped[str | None] = mapped_column(String(60))
    may_be_received: Mapped[bool] = mapped_column(default=False)
    reseal: Mapped[bool] = mapped_column(default=True)
    left_at: Mapped[datetime | None] = mapped_column(Instant)
    settled_at: Mapped[datetime | None] = mapped_column(Instant)
    void: Mapped[str | None] = mapped_column(String(20))
    voided_sha256: Mapped[str | None] = mapped_column(String(64))
    leaf: Mapped[int] = mapped_column(BigInteger)
    void_leaf: Mapped[int | None] = mapped_column(BigInteger)
    __table_args__ = (
        Index("batch_number", "case", "sequence", unique=True),
        Index("batch_by_state", "state", "case", "sequence"),
    )


class Source(Base):
    """Which messages of which block a batch was sealed from: `[start, stop)`, and in `kept` a byte (0, 1) for each."""

    __tablename__ = "source"
    id: Mapped[int] = mapped_column(Key, primary_key=True)
    batch_id: Mapped[int] = mapped_column(ForeignKey("batch.id"), index=True)
    block_id: Mapped[int] = mapped_column(Key, index=True)
    start: Mapped[int] = mapped_column(Integer)
    stop: Mapped[int] = mapped_column(Integer)
    kept: Mapped[bytes] = mapped_column(LargeBinary)


class Attempt(Base):
    """One try to send a batch's bytes. `outcome` stays empty between the attempt's leaf and the outcome's leaf."""

    __tablename__ = "attempt"
    id: Mapped[int] = mapped_column(Key, primary_key=True)
    batch_id: Mapped[int] = mapped_column(ForeignKey("batch.id"), index=True)
    case: Mapped[str] = mapped_column(String(20))
    sequence: Mapped[int] = mapped_column(BigInteger)
    at: Mapped[datetime] = mapped_column(Instant)
    destination: Mapped[str] = mapped_column(String(300))
    sha256: Mapped[str] = mapped_column(String(64))
    size_bytes: Mapped[int] = mapped_column(Integer)
    messages: Mapped[int] = mapped_column(Integer)
    void: Mapped[str | None] = mapped_column(String(20))
    leaf: Mapped[int] = mapped_column(BigInteger)
    outcome: Mapped[str | None] = mapped_column(String(10))
    ended_at: Mapped[datetime | None] = mapped_column(Instant)
    code: Mapped[str | None] = mapped_column(String(60))
    status: Mapped[int | None] = mapped_column(Integer)
    detail: Mapped[str | None] = mapped_column(Text)
    receipt: Mapped[str | None] = mapped_column(Text)
    outcome_leaf: Mapped[int | None] = mapped_column(BigInteger)
    __table_args__ = (
        Index("attempt_by_case", "case", "id"),
        Index("attempt_open", "id", sqlite_where=text("outcome IS NULL"), postgresql_where=text("outcome IS NULL")),
    )


class Sequence(Base):
    """The last number given out for a case; numbers start at 1 and have no gap."""

    __tablename__ = "sequence"
    case: Mapped[str] = mapped_column(String(20), primary_key=True)
    last: Mapped[int] = mapped_column(BigInteger)


class Switch(Base):
    """The effective mode of one kind, and the generation in which it got it."""

    __tablename__ = "switch"
    kind: Mapped[str] = mapped_column(String(120), primary_key=True)
    mode: Mapped[str] = mapped_column(String(10))
    generation: Mapped[int] = mapped_column(BigInteger)


class Approval(Base):
    """One approval of one definition of one field, until `expires_at` if that is set; ended ones stay.

    `withdrawn_by` is `home` where the date has ended it. `source` is `person`, or `policy` for one given beforehand.
    """

    __tablename__ = "approval"
    id: Mapped[int] = mapped_column(Key, primary_key=True)
    field: Mapped[str] = mapped_column(String(120), index=True)
    hash: Mapped[str] = mapped_column(String(64))
    actor: Mapped[str] = mapped_column(String(120))
    role: Mapped[str] = mapped_column(String(20))
    authority: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(Instant)
    withdrawn_at: Mapped[datetime | None] = mapped_column(Instant)
    withdrawn_by: Mapped[str | None] = mapped_column(String(120))
    expires_at: Mapped[datetime | None] = mapped_column(Instant)
    source: Mapped[str] = mapped_column(String(10), default="person", server_default="person")


class Decline(Base):
    """One definition of one field to which somebody said no; `ended_at` when it was approved after all."""

    __tablename__ = "decline"
    id: Mapped[int] = mapped_column(Key, primary_key=True)
    field: Mapped[str] = mapped_column(String(120), index=True)
    hash: Mapped[str] = mapped_column(String(64))
    actor: Mapped[str] = mapped_column(String(120))
    role: Mapped[str] = mapped_column(String(20))
    authority: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(Instant)
    ended_at: Mapped[datetime | None] = mapped_column(Instant)


class BatchDecision(Base):
    """What somebody decided about the very bytes of a batch that waited: approved, refused, or expired by `home`.

    `reason` is one of a closed list, `note` the person's own words: both stay here.
    """

    __tablename__ = "batch_decision"
    id: Mapped[int] = mapped_column(Key, primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64), index=True)
    case: Mapped[str] = mapped_column(String(20))
    sequence: Mapped[int] = mapped_column(BigInteger)
    decision: Mapped[str] = mapped_column(String(10))
    actor: Mapped[str] = mapped_column(String(120))
    role: Mapped[str | None] = mapped_column(String(20))
    at: Mapped[datetime] = mapped_column(Instant)
    reason: Mapped[str | None] = mapped_column(String(20))
    note: Mapped[str | None] = mapped_column(Text)
    leaf: Mapped[int] = mapped_column(BigInteger)


class Definition(Base):
    """A definition that was installed here, in the words that its hash is over: what was approved can be read later."""

    __tablename__ = "definition"
    hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    field: Mapped[str] = mapped_column(String(120), index=True)
    data: Mapped[bytes] = mapped_column(LargeBinary)
    seen_at: Mapped[datetime] = mapped_column(Instant)


class Covered(Base):
    """What left of one declared field, counted from what corporate acknowledged. See `coverage.py`."""

    __tablename__ = "covered"
    field: Mapped[str] = mapped_column(String(120), primary_key=True)
    messages: Mapped[int] = mapped_column(BigInteger)
    first_at: Mapped[datetime] = mapped_column(Instant)
    last_at: Mapped[datetime] = mapped_column(Instant)


class KeptCatalogue(Base):
    """A catalogue that was installed here, as the files it was read from (JSON: name and text of each), by its hash."""

    __tablename__ = "catalogue"
    hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    kept_at: Mapped[datetime] = mapped_column(Instant)
    sources: Mapped[str] = mapped_column(Text)


class Measurement(Base):
    """One run of an aggregate reporter, and what it found: JSON of counts by group, small ones withheld already.

    `definition` is a hash over the definitions that it counted by, `generation` the switch position of its kind then.
    """

    __tablename__ = "measurement"
    id: Mapped[int] = mapped_column(Key, primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    definition: Mapped[str] = mapped_column(String(64))
    generation: Mapped[int] = mapped_column(BigInteger)
    at: Mapped[datetime] = mapped_column(Instant)
    outcome: Mapped[str] = mapped_column(String(10))
    reason: Mapped[str] = mapped_column(String(40))
    took_ms: Mapped[int] = mapped_column(BigInteger)
    ranges: Mapped[int] = mapped_column(BigInteger)
    data: Mapped[str] = mapped_column(Text)
    __table_args__ = (Index("measurement_series", "name", "at"),)


class Hour(Base):
    """What happened to one case in one hour: messages collected, messages and bytes that left, attempts."""

    __tablename__ = "hour"
    at: Mapped[datetime] = mapped_column(Instant, primary_key=True)
    case: Mapped[str] = mapped_column(String(20), primary_key=True)
    collected: Mapped[int] = mapped_column(BigInteger)
    messages: Mapped[int] = mapped_column(BigInteger)
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    attempts: Mapped[int] = mapped_column(BigInteger)


class Tally(Base):
    """Messages that did not go on, counted by day: `what` is dropped (before the spool) or withheld (by the gate)."""

    __tablename__ = "tally"
    day: Mapped[str] = mapped_column(String(10), primary_key=True)
    what: Mapped[str] = mapped_column(String(10), primary_key=True)
    case: Mapped[str] = mapped_column(String(20), primary_key=True)
    reason: Mapped[str] = mapped_column(String(40), primary_key=True)
    path: Mapped[str] = mapped_column(String(200), primary_key=True)
    count: Mapped[int] = mapped_column(BigInteger)


class Notice(Base):
    """Something a person should know, once for each code and subject; `ended_at` is set when it is over."""

    __tablename__ = "notice"
    code: Mapped[str] = mapped_column(String(60), primary_key=True)
    subject: Mapped[str] = mapped_column(String(300), primary_key=True)
    first_at: Mapped[datetime] = mapped_column(Instant)
    last_at: Mapped[datetime] = mapped_column(Instant)
    count: Mapped[int] = mapped_column(BigInteger)
    text: Mapped[str] = mapped_column(Text)
    hint: Mapped[str] = mapped_column(Text)
    ended_at: Mapped[datetime | None] = mapped_column(Instant)


class Request(Base):
    """One request that a person made; `leaf` and `answer_leaf` are of its last try. See `requests.py`.

    `carried_leaf` is of its last try by hand.
    """

    __tablename__ = "request"
    id: Mapped[int] = mapped_column(Key, primary_key=True)
    kind: Mapped[str] = mapped_column(String(120))
    actor: Mapped[str] = mapped_column(String(120))
    at: Mapped[datetime] = mapped_column(Instant)
    sha256: Mapped[str] = mapped_column(String(64), unique=True)
    size_bytes: Mapped[int] = mapped_column(Integer)
    tries: Mapped[int] = mapped_column(Integer)
    leaf: Mapped[int | None] = mapped_column(BigInteger)
    under_way: Mapped[bool] = mapped_column(default=False)
    outcome: Mapped[str | None] = mapped_column(String(10))
    code: Mapped[str | None] = mapped_column(String(60))
    status: Mapped[int | None] = mapped_column(Integer)
    detail: Mapped[str | None] = mapped_column(Text)
    document: Mapped[str | None] = mapped_column(Text)
    answered_at: Mapped[datetime | None] = mapped_column(Instant)
    answer_leaf: Mapped[int | None] = mapped_column(BigInteger)
    final: Mapped[bool] = mapped_column(default=False)
    carried_leaf: Mapped[int | None] = mapped_column(BigInteger)


class Carried(Base):
    """One file that was carried by hand: `direction` out (batches, requests) or in (answers); by whom, and its leaf.

    `listed` is a JSON list of [case, sequence, sha256] of the batches in it, and of ["request", id, sha256]; of a file
    out, `certificate` is the one that went along, so that the same file can be made again, and `answered_at` when
    answers to it first came in.
    """

    __tablename__ = "carried"
    id: Mapped[int] = mapped_column(Key, primary_key=True)
    direction: Mapped[str] = mapped_column(String(3))
    at: Mapped[datetime] = mapped_column(Instant)
    actor: Mapped[str] = mapped_column(String(120))
    sha256: Mapped[str] = mapped_column(String(64), index=True)
    size_bytes: Mapped[int] = mapped_column(Integer)
    listed: Mapped[str] = mapped_column(Text)
    certificate: Mapped[str | None] = mapped_column(Text)
    answered_at: Mapped[datetime | None] = mapped_column(Instant)
    leaf: Mapped[int] = mapped_column(BigInteger)


class Deletion(Base):
    """One statement of corporate's about what it deleted; `agrees`: with what this ledger has under those numbers."""

    __tablename__ = "deletion"
    id: Mapped[int] = mapped_column(Key, primary_key=True)
    request_id: Mapped[int | None] = mapped_column(ForeignKey("request.id"), index=True)
    what: Mapped[str] = mapped_column(String(20))
    deleted_at: Mapped[datetime] = mapped_column(Instant)
    batches: Mapped[int] = mapped_column(BigInteger)
    backups_until: Mapped[datetime] = mapped_column(Instant)
    document: Mapped[str] = mapped_column(Text)
    leaf: Mapped[int] = mapped_column(BigInteger)
    agrees: Mapped[bool] = mapped_column()


class Deleted(Base):
    """A body that corporate says to have deleted, or to have taken a field from; the first statement counts."""

    __tablename__ = "deleted"
    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    deletion_id: Mapped[int] = mapped_column(ForeignKey("deletion.id"), index=True)


class Incident(Base):
    """One Unexpected Data Transfer and its timeline: when each step was, and the leaf that proves it."""

    __tablename__ = "incident"
    id: Mapped[int] = mapped_column(Key, primary_key=True)
    token: Mapped[str] = mapped_column(String(32), unique=True)
    source: Mapped[str] = mapped_column(String(20))
    paths: Mapped[str] = mapped_column(Text)
    case: Mapped[str | None] = mapped_column(String(20))
    sequence: Mapped[int | None] = mapped_column(BigInteger)
    count: Mapped[int] = mapped_column(BigInteger)
    noticed_at: Mapped[datetime] = mapped_column(Instant)
    noticed_leaf: Mapped[int] = mapped_column(BigInteger)
    last_at: Mapped[datetime] = mapped_column(Instant)
    told_at: Mapped[datetime | None] = mapped_column(Instant)
    told_leaf: Mapped[int | None] = mapped_column(BigInteger)
    deleted_at: Mapped[datetime | None] = mapped_column(Instant)
    deleted_leaf: Mapped[int | None] = mapped_column(BigInteger)
    closed_at: Mapped[datetime | None] = mapped_column(Instant)
    closed_leaf: Mapped[int | None] = mapped_column(BigInteger)
    closed_by: Mapped[str | None] = mapped_column(String(120))
    statement: Mapped[str | None] = mapped_column(Text)
    deletion: Mapped[str | None] = mapped_column(Text)


class Listed(Base):
    """One entry of corporate's published list of catalogues: its position from 0, exact bytes, and sources (JSON)."""

    __tablename__ = "listed"
    position: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(Instant)
    catalogue: Mapped[str] = mapped_column(String(64))
    leaf: Mapped[bytes] = mapped_column(LargeBinary)
    sources: Mapped[str] = mapped_column(Text)


class Mail(Base):
    """One letter to one address about one thing, and its last try; see `mailing.py`.

    `subject` is the catalogue's hash, or a test's token. `handed` is set before the first byte of the letter goes;
    `outcome` stays empty while it is to be tried, `leaf` and `mailed_leaf` are of the last try. `data` goes by age.
    """

    __tablename__ = "mail"
    id: Mapped[int] = mapped_column(Key, primary_key=True)
    about: Mapped[str] = mapped_column(String(20))
    subject: Mapped[str] = mapped_column(String(64))
    to: Mapped[str] = mapped_column(String(254))
    actor: Mapped[str] = mapped_column(String(120))
    at: Mapped[datetime] = mapped_column(Instant)
    sha256: Mapped[str] = mapped_column(String(64))
    size_bytes: Mapped[int] = mapped_column(Integer)
    data: Mapped[bytes | None] = mapped_column(LargeBinary)
    tries: Mapped[int] = mapped_column(Integer)
    next_try_at: Mapped[datetime | None] = mapped_column(Instant)
    under_way: Mapped[bool] = mapped_column(default=False)
    handed: Mapped[bool] = mapped_column(default=False)
    outcome: Mapped[str | None] = mapped_column(String(10))
    code: Mapped[str | None] = mapped_column(String(60))
    status: Mapped[int | None] = mapped_column(Integer)
    ended_at: Mapped[datetime | None] = mapped_column(Instant)
    leaf: Mapped[int | None] = mapped_column(BigInteger)
    mailed_leaf: Mapped[int | None] = mapped_column(BigInteger)
    __table_args__ = (Index("mail_once", "about", "subject", "to", unique=True),)


class SessionCount(Base):
    """Sessions of a day, release and class (`browser.groups`), as one table of the day, `run`, counted them so far.

    `told` is set when the day is over and its counts went on as messages. No hash of a session is ever in here.
    """

    __tablename__ = "session_count"
    day: Mapped[str] = mapped_column(String(10), primary_key=True)
    run: Mapped[str] = mapped_column(String(16), primary_key=True)
    release: Mapped[str] = mapped_column(String(40), primary_key=True)
    by: Mapped[str] = mapped_column(String(10), primary_key=True)
    value: Mapped[str] = mapped_column(String(20), primary_key=True)
    major: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    sessions: Mapped[int] = mapped_column(BigInteger)
    errored: Mapped[int] = mapped_column(BigInteger)
    told: Mapped[bool] = mapped_column(default=False)


class SupportRequest(Base):
    """A request of support, with what became of it; see `supporting.keeping` for the states. Rows stay.

    `asked` is the payload of `document` (canonical JSON), `batches` the rows of the batches that answer, in order.
    """

    __tablename__ = "support_request"
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64), unique=True)
    document: Mapped[str] = mapped_column(Text)
    asked: Mapped[str] = mapped_column(Text)
    taken_at: Mapped[datetime] = mapped_column(Instant, index=True)
    expires_at: Mapped[datetime] = mapped_column(Instant)
    state: Mapped[str] = mapped_column(String(10), index=True)
    decided_at: Mapped[datetime | None] = mapped_column(Instant)
    decided_by: Mapped[str | None] = mapped_column(String(120))
    why: Mapped[str | None] = mapped_column(String(20))
    note: Mapped[str | None] = mapped_column(Text)
    grant_id: Mapped[str | None] = mapped_column(String(32), unique=True)
    grant_document: Mapped[str | None] = mapped_column(Text)
    starts_at: Mapped[datetime | None] = mapped_column(Instant)
    ends_at: Mapped[datetime | None] = mapped_column(Instant)
    ended_at: Mapped[datetime | None] = mapped_column(Instant)
    ending_document: Mapped[str | None] = mapped_column(Text)
    batches: Mapped[str | None] = mapped_column(Text)


class SupportUse(Base):
    """One route that was asked under a grant: how many messages it made, and the batch that has them."""

    __tablename__ = "support_use"
    id: Mapped[int] = mapped_column(Key, primary_key=True)
    request_id: Mapped[str] = mapped_column(ForeignKey("support_request.id"), index=True)
    at: Mapped[datetime] = mapped_column(Instant)
    route: Mapped[str] = mapped_column(String(130))
    outcome: Mapped[str] = mapped_column(String(12))
    messages: Mapped[int] = mapped_column(Integer)
    batch_id: Mapped[int] = mapped_column(ForeignKey("batch.id"))
    leaf: Mapped[int] = mapped_column(BigInteger)


class Account(Base):
    """A person who may sign in. `roles` is a sorted, comma-separated list; `password` an argon2id hash.

    Whoever signs in by an identity provider has no password, and is known by its `issuer` and their `subject` there.
    """

    __tablename__ = "account"
    id: Mapped[int] = mapped_column(Key, primary_key=True)
    name: Mapped[str] = mapped_column(String(80), unique=True)
    roles: Mapped[str] = mapped_column(String(80))
    password: Mapped[str] = mapped_column(Text)
    made_by: Mapped[str] = mapped_column(String(120))
    made_at: Mapped[datetime] = mapped_column(Instant)
    disabled_at: Mapped[datetime | None] = mapped_column(Instant)
    issuer: Mapped[str | None] = mapped_column(String(300))
    subject: Mapped[str | None] = mapped_column(String(255))
    __table_args__ = (Index("account_subject", "issuer", "subject", unique=True),)


class Dsn(Base):
    """A key for Sentry SDKs. `id` is the project in its address; a revoked one stays, so that no number comes twice."""

    __tablename__ = "dsn"
    id: Mapped[int] = mapped_column(Key, primary_key=True)
    key: Mapped[str] = mapped_column(String(32), unique=True)
    label: Mapped[str] = mapped_column(String(60))
    made_by: Mapped[str] = mapped_column(String(120))
    made_at: Mapped[datetime] = mapped_column(Instant)
    revoked_by: Mapped[str | None] = mapped_column(String(120))
    revoked_at: Mapped[datetime | None] = mapped_column(Instant)


class SignIn(Base):
    """One signed-in browser, known by the SHA-256 of its cookie; the cookie itself is never stored.

    `fresh_at` is when the person last showed who they are; empty, where a release before wrote it: as it began.
    """

    __tablename__ = "sign_in"
    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    made_at: Mapped[datetime] = mapped_column(Instant)
    seen_at: Mapped[datetime] = mapped_column(Instant)
    fresh_at: Mapped[datetime | None] = mapped_column(Instant)
    expires_at: Mapped[datetime] = mapped_column(Instant, index=True)


class ProviderFlow(Base):
    """Somebody who was led to the identity provider and is awaited; one use, some minutes.

    `digest` is the SHA-256 of the state, `browser` that of the cookie. To confirm, `sign_in` is the session's digest,
    and `form` the form that goes on; when it was confirmed (`proved_at`) `digest` is that of another handle.
    """

    __tablename__ = "provider_flow"
    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    browser: Mapped[str] = mapped_column(String(64))
    nonce: Mapped[str] = mapped_column(String(64))
    verifier: Mapped[str] = mapped_column(String(128))
    to: Mapped[str] = mapped_column(Text)
    sign_in: Mapped[str | None] = mapped_column(String(64))
    form: Mapped[str | None] = mapped_column(Text)
    proved_at: Mapped[datetime | None] = mapped_column(Instant)
    made_at: Mapped[datetime] = mapped_column(Instant)
    expires_at: Mapped[datetime] = mapped_column(Instant, index=True)


class Throttle(Base):
    """Failed sign-ins under one key (an account's name, or an address), and until when the next try waits."""

    __tablename__ = "throttle"
    key: Mapped[str] = mapped_column(String(140), primary_key=True)
    failures: Mapped[int] = mapped_column(Integer)
    last_at: Mapped[datetime] = mapped_column(Instant)
    until: Mapped[datetime] = mapped_column(Instant)


TABLES: tuple[str, ...] = tuple(sorted(Base.metadata.tables))
