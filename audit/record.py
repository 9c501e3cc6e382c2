"""The leaves of the ledger: one record type for each thing that an administrator may later want proved.

    Sealed      a batch got its number and its exact bytes        Consent     fields were approved or withdrawn
    Attempt     a socket is about to open for these bytes         Mode        the switch of a case or kind moved
    Outcome     how that attempt ended, with the receipt          Person      an account was made, changed or removed
    Void        a number will never carry its batch               Enrolment   a step of getting an identity
    Contact     a request without a body, such as the manifest    Checkpoint  a checkpoint went to a place elsewhere
    Pruned      bodies were deleted by age                        Decision    fields were decided about, until a date
    Switch      one field was switched off or on again            Policy      the file's policy for upgrades changed
    Allowance   definitions were approved before they appeared    Release     another catalogue is installed
    Incident    a step of an Unexpected Data Transfer             Instruction corporate asked for less, or it ended
    Request     a person's request is about to go                 Answer      how that request ended, and the answer
    Published   corporate's list of catalogues grew, or was refused
    Identity    two ledgers with one identity, or one that succeeds another
    Deletion    corporate stated what it deleted, unasked from here

    By hand, instead of over a connection:
    CarriedOut  a file of batches is about to be written      AttemptByHand    these bytes go into that file
    CarriedIn   a file of corporate's answers was taken in    OutcomeByHand    what corporate said of such an attempt
    EnrolmentByHand  a step of getting an identity

A leaf is the canonical JSON (RFC 8785) of one record; its hash is `tree.leaf_hash` of these bytes. Storing leaves and
bodies, and hashing them into the tree, is left to others; what records must say together is `audit.verification`'s.

Rules:
  - Every member is always present; a new one needs a new `type`. All names sort before `type`, so it ends the leaf.
  - No value that came from the product stands in a leaf: only numbers, hashes, closed choices, names from the
    catalogue, and what an administrator typed (accounts, `authority`).
  - `encode` writes nothing that `parse` would refuse, and `parse` accepts one spelling only.
"""

import re
from binascii import unhexlify
from datetime import UTC, datetime
from functools import lru_cache
from operator import attrgetter
from typing import Annotated, Any, ClassVar, Literal

import msgspec

from audit.canonical import MAX_INTEGER
from audit.errors import RecordRefused

MAX_LEAF_BYTES = 1_048_576

Case = Literal["event", "browser", "support", "licensing"]
Count = Annotated[int, msgspec.Meta(ge=0, le=MAX_INTEGER)]
Positive = Annotated[int, msgspec.Meta(ge=1, le=MAX_INTEGER)]
Hex64 = Annotated[str, msgspec.Meta(min_length=64, max_length=64)]
Time = Annotated[str, msgspec.Meta(min_length=20, max_length=20)]
Actor = Annotated[str, msgspec.Meta(pattern=r"^(home|corporate|os:[0-9]{1,10}|account:[^\s\x00-\x1f\x7f]{1,100})\Z")]
Account = Annotated[str, msgspec.Meta(pattern=r"^[^\s\x00-\x1f\x7f]{1,100}\Z")]
Code = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9-]{1,60}\Z")]
Words = Annotated[str, msgspec.Meta(pattern=r"^[^\x00-\x1f\x7f]{0,500}\Z")]
Destination = Annotated[str, msgspec.Meta(min_length=3, max_length=300)]
FieldName = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_-]*(\.[a-z][a-z0-9_-]*)+\Z", max_length=200)]
KindName = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9-]*/[a-z][a-z0-9-]*\Z", max_length=200)]
Role = Literal["admin", "security", "operator", "viewer"]
Path = Annotated[str, msgspec.Meta(pattern=r"^[!-~]{1,200}\Z")]
Token = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{32}\Z")]
Note = Annotated[str, msgspec.Meta(pattern=r"^[^\x00-\x1f\x7f][^\x00-\x09\x0b-\x1f\x7f]*\Z", max_length=65_536)]
Document = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\Z", max_length=65_536)]

_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z\Z")
_DESTINATION = re.compile(r"[a-z0-9.\[\]:_-]+:[0-9]{1,5}\Z")


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """What all records share. `at` is UTC to the second, `2026-11-21T14:01:05Z`; see `instant`."""

    hexes: ClassVar[tuple[str, ...]] = ()
    at: Time


class Sealed(Record, frozen=True, kw_only=True):
    """A batch was sealed: its number within its case, and its body by hash. `generation` is the modes' at sealing.

    `ledger_size` and `ledger_root` are the checkpoint that the body quotes: the ledger before this leaf.
    """

    hexes = ("catalogue", "index", "ledger_root", "sha256")
    case: Case
    catalogue: Hex64
    generation: Count
    index: Hex64
    ledger_root: Hex64
    ledger_size: Count
    messages: Positive
    sequence: Positive
    sha256: Hex64
    size_bytes: Positive
    type: Literal["sealed"] = "sealed"


class Void(Record, frozen=True, kw_only=True):
    """The number will not carry the batch `replaces`: a body without content (`sha256`) goes in its place."""

    hexes = ("ledger_root", "replaces", "sha256")
    case: Case
    ledger_root: Hex64
    ledger_size: Count
    reason: Literal["withdrawn", "refused", "mode"]
    replaces: Hex64
    sequence: Positive
    sha256: Hex64
    size_bytes: Positive
    type: Literal["void"] = "void"


class Attempt(Record, frozen=True, kw_only=True):
    """A connection to `destination` ("host:port") is about to open for the body `sha256`. Written before it does."""

    hexes = ("sha256",)
    case: Case
    destination: Destination
    sequence: Positive
    sha256: Hex64
    size_bytes: Positive
    type: Literal["attempt"] = "attempt"


class Outcome(Record, frozen=True, kw_only=True):
    """How the attempt whose leaf has the index `attempt` ended.

    `accepted` has the receipt, as a compact JWS; `unknown` means that bytes may have arrived. `status` is the HTTP
    status, `code` our or corporate's short reason.
    """

    hexes = ("sha256",)
    attempt: Count
    case: Case
    code: Code | None
    outcome: Literal["accepted", "rejected", "unknown"]
    receipt: Annotated[str, msgspec.Meta(min_length=1, max_length=65_536)] | None
    sequence: Positive
    sha256: Hex64
    status: Annotated[int, msgspec.Meta(ge=100, le=999)] | None
    type: Literal["outcome"] = "outcome"


class Consent(Record, frozen=True, kw_only=True):
    """`actor` in `role` approved or withdrew `fields` (name: definition hash), on whose `authority` in their words."""

    actor: Actor
    authority: Words
    decision: Literal["approved", "withdrawn"]
    fields: Annotated[dict[FieldName, Hex64], msgspec.Meta(min_length=1)]
    role: Role
    type: Literal["consent"] = "consent"


class Decision(Record, frozen=True, kw_only=True):
    """`actor` in `role` decided about `fields` (name: definition hash), on whose `authority` in their words.

    It stands in place of `Consent`, which earlier ledgers hold. An approval with `expires` ends then by itself, which
    is a record of its own with the decision `expired` by `home`. `source` is `policy` where a definition appeared that
    had been approved beforehand (`Allowance`).
    """

    actor: Actor
    authority: Words
    decision: Literal["approved", "declined", "withdrawn", "expired"]
    expires: Time | None
    fields: Annotated[dict[FieldName, Hex64], msgspec.Meta(min_length=1)]
    role: Role
    source: Literal["person", "policy"]
    type: Literal["decision"] = "decision"


class Switch(Record, frozen=True, kw_only=True):
    """One field was switched `off`, or `on` again, by a `person` or in the settings `file`."""

    actor: Actor
    field: FieldName
    from_: Literal["off", "on"] = msgspec.field(name="from")
    source: Literal["person", "file"]
    to: Literal["off", "on"]
    type: Literal["switch"] = "switch"


class Policy(Record, frozen=True, kw_only=True):
    """The settings file's policy for material changes is now `to`; `allow` are the hashes it names, None for none."""

    actor: Actor
    allow: Annotated[list[Hex64], msgspec.Meta(min_length=1)] | None
    from_: Literal["withhold", "stop"] = msgspec.field(name="from")
    to: Literal["withhold", "stop"]
    type: Literal["policy"] = "policy"


class Allowance(Record, frozen=True, kw_only=True):
    """`actor` in `role` approved `definitions` (hashes) beforehand: they count as approved when they appear."""

    actor: Actor
    authority: Words
    definitions: Annotated[list[Hex64], msgspec.Meta(min_length=1)]
    role: Role
    type: Literal["allowance"] = "allowance"


class Release(Record, frozen=True, kw_only=True):
    """The catalogue `to` is installed in place of `from`; `asks` are the fields that wait for a decision by it."""

    actor: Actor
    asks: dict[FieldName, Hex64]
    from_: Hex64 = msgspec.field(name="from")
    hexes = ("from_", "to")
    to: Hex64
    type: Literal["release"] = "release"


class Mode(Record, frozen=True, kw_only=True):
    """The switch of a case, or with `kind` of one kind, moved; `generation` is the store's after it.

    `source` says who moved it: a `person`, the settings `file`, or a file that became `unreadable`.
    """

    actor: Actor
    case: Case
    from_: Literal["off", "local", "on", "offline"] = msgspec.field(name="from")
    generation: Count
    kind: KindName | None
    source: Literal["person", "file", "unreadable"]
    to: Literal["off", "local", "on", "offline"]
    type: Literal["mode"] = "mode"


class Person(Record, frozen=True, kw_only=True):
    """An account on this installation was made, changed or removed; `role` where a role is given or taken."""

    account: Account
    actor: Actor
    change: Literal["added", "removed", "role-given", "role-taken", "password-set", "locked", "unlocked"]
    role: Role | None
    type: Literal["person"] = "person"


class Enrolment(Record, frozen=True, kw_only=True):
    """A step of getting an identity from corporate. The token never stands here.

    `key` is the thumbprint of the installation's key, `root` the pinned fingerprint, `certificate` the SHA-256 of the
    DER that was granted or renewed, `code` the reason of a refusal.
    """

    actor: Actor
    certificate: Hex64 | None
    code: Code | None
    destination: Destination
    installation: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{32}\Z")]
    key: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{43}\Z")]
    root: Annotated[str, msgspec.Meta(pattern=r"^sha256:[0-9a-f]{64}\Z")]
    step: Literal["asked", "granted", "refused", "unknown", "renewed"]
    type: Literal["enrolment"] = "enrolment"


class Contact(Record, frozen=True, kw_only=True):
    """A request without a body: `step` "asked" before the socket opens, then "answered" or "failed"."""

    code: Code | None
    destination: Destination
    request: Annotated[str, msgspec.Meta(pattern=r"^GET /[A-Za-z0-9/._-]{0,200}\Z")]
    step: Literal["asked", "answered", "failed"]
    type: Literal["contact"] = "contact"


class CarriedOut(Record, frozen=True, kw_only=True):
    """`actor` has a file written that carries `batches` batches by hand; `sha256` and `size_bytes` are the file's."""

    hexes = ("sha256",)
    actor: Actor
    batches: Positive
    sha256: Hex64
    size_bytes: Positive
    type: Literal["carried-out"] = "carried-out"


class AttemptByHand(Record, frozen=True, kw_only=True):
    """The body `sha256` is about to be written into the file `file` (its SHA-256). Written before it is."""

    hexes = ("file", "sha256")
    case: Case
    file: Hex64
    sequence: Positive
    sha256: Hex64
    size_bytes: Positive
    type: Literal["attempt-by-hand"] = "attempt-by-hand"


class OutcomeByHand(Record, frozen=True, kw_only=True):
    """What corporate said of an attempt by hand, as its answer was carried in; members as in `Outcome`.

    It follows the attempt's own outcome, which is unknown while the file is on its way; a later answer may follow.
    """

    hexes = ("sha256",)
    attempt: Count
    case: Case
    code: Code | None
    outcome: Literal["accepted", "rejected", "unknown"]
    receipt: Annotated[str, msgspec.Meta(min_length=1, max_length=65_536)] | None
    sequence: Positive
    sha256: Hex64
    status: Annotated[int, msgspec.Meta(ge=100, le=999)]
    type: Literal["outcome-by-hand"] = "outcome-by-hand"


class CarriedIn(Record, frozen=True, kw_only=True):
    """`actor` took in a file of corporate's with `answers` answers; `manifest` is the version it put in force."""

    hexes = ("sha256",)
    actor: Actor
    answers: Count
    manifest: Positive | None
    sha256: Hex64
    size_bytes: Positive
    type: Literal["carried-in"] = "carried-in"


class EnrolmentByHand(Record, frozen=True, kw_only=True):
    """A step of getting an identity with files carried by hand; members as in `Enrolment`."""

    actor: Actor
    certificate: Hex64 | None
    code: Code | None
    installation: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{32}\Z")]
    key: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{43}\Z")]
    root: Annotated[str, msgspec.Meta(pattern=r"^sha256:[0-9a-f]{64}\Z")]
    step: Literal["asked", "granted", "refused", "renewed"]
    type: Literal["enrolment-by-hand"] = "enrolment-by-hand"


class Checkpoint(Record, frozen=True, kw_only=True):
    """The checkpoint at `size` leaves with `root` was handed to `place`, outside this ledger."""

    hexes = ("root",)
    place: Literal["file", "syslog", "witness", "export", "corporate"]
    root: Hex64
    size: Positive
    type: Literal["checkpoint"] = "checkpoint"


class Pruned(Record, frozen=True, kw_only=True):
    """`bodies` bodies of leaves with an index under `before` were deleted by age; their hashes stay."""

    actor: Actor
    before: Count
    bodies: Count
    type: Literal["pruned"] = "pruned"


class Incident(Record, frozen=True, kw_only=True):
    """A step in the timeline of an Unexpected Data Transfer: something undeclared arrived, or tried to leave.

    `source` says where it was noticed: at the `tripwire` or another fence here, by `corporate`, or by the `customer`.
    `paths` are key paths up to the last declared key, or the fence that refused, with counts; never content. `document`
    is corporate's signed statement (a compact JWS) where the step has one.
    """

    actor: Actor
    document: Document | None
    incident: Token
    paths: Annotated[dict[Path, Positive], msgspec.Meta(max_length=200)]
    source: Literal["tripwire", "corporate", "customer"]
    step: Literal["noticed", "told", "deleted", "closed"]
    type: Literal["incident"] = "incident"


class Instruction(Record, frozen=True, kw_only=True):
    """Corporate's instructions of this `number` were `taken`, or what they ask came to an end by its date (`over`).

    `document` is the compact JWS as it came, `over` names what ended, such as `case event`; one of them is null.
    """

    actor: Actor
    document: Document | None
    number: Positive
    over: Annotated[list[Words], msgspec.Meta(min_length=1, max_length=200)] | None
    step: Literal["taken", "over"]
    type: Literal["instruction"] = "instruction"


class Published(Record, frozen=True, kw_only=True):
    """A checkpoint of corporate's published list of catalogues was `taken`, or `refused` for the reason `code`.

    `note` is the signed note: of a list that was refused it proves what was shown. `size` and `root`: what was taken.
    """

    actor: Actor
    code: Code | None
    note: Note | None
    root: Hex64 | None
    size: Count | None
    step: Literal["taken", "refused"]
    type: Literal["published"] = "published"


class Request(Record, frozen=True, kw_only=True):
    """A connection to `destination` is about to open for the request `sha256`, which `actor` saw and sent.

    `purpose` is the request's kind, `request` its method and path. A retry is the same bytes under a leaf of its own.
    """

    hexes = ("sha256",)
    actor: Actor
    destination: Destination
    purpose: KindName
    request: Annotated[str, msgspec.Meta(pattern=r"^POST /[A-Za-z0-9/._-]{0,200}\Z")]
    sha256: Hex64
    size_bytes: Positive
    type: Literal["request"] = "request"


class Answer(Record, frozen=True, kw_only=True):
    """How the request whose leaf has the index `request` ended.

    `accepted` has the `document` that corporate answered with, a compact JWS; `unknown` means that it may have arrived.
    """

    code: Code | None
    document: Document | None
    outcome: Literal["accepted", "rejected", "unknown"]
    request: Count
    status: Annotated[int, msgspec.Meta(ge=100, le=999)] | None
    type: Literal["answer"] = "answer"


class Identity(Record, frozen=True, kw_only=True):
    """A step about whose this ledger is.

    `conflict`: corporate saw (`code`) that number `sequence` of `case` contradicts an earlier one. `settled`: a person
    cleared it up, for the reason `code`. `ended`: this machine goes on as the installation `other`, in a ledger of its
    own. `begun`: this ledger succeeds that of `other`, which ended at `ledger_size` with `ledger_root`.
    """

    actor: Actor
    case: Case | None
    code: Code | None
    ledger_root: Hex64 | None
    ledger_size: Count | None
    other: Token | None
    sequence: Positive | None
    step: Literal["conflict", "settled", "ended", "begun"]
    type: Literal["identity"] = "identity"


class Deletion(Record, frozen=True, kw_only=True):
    """Corporate's statement of a deletion that nobody here asked for: it rode on an answer, or `actor` brought it."""

    actor: Actor
    document: Document
    type: Literal["deletion"] = "deletion"


TYPES: dict[str, type[Record]] = {
    "sealed": Sealed,
    "void": Void,
    "attempt": Attempt,
    "outcome": Outcome,
    "consent": Consent,
    "mode": Mode,
    "person": Person,
    "enrolment": Enrolment,
    "contact": Contact,
    "checkpoint": Checkpoint,
    "pruned": Pruned,
    "incident": Incident,
    "carried-out": CarriedOut,
    "attempt-by-hand": AttemptByHand,
    "outcome-by-hand": OutcomeByHand,
    "carried-in": CarriedIn,
    "enrolment-by-hand": EnrolmentByHand,
    "instruction": Instruction,
    "published": Published,
    "request": Request,
    "answer": Answer,
    "identity": Identity,
    "decision": Decision,
    "switch": Switch,
    "policy": Policy,
    "allowance": Allowance,
    "release": Release,
    "deletion": Deletion,
}

_HEXES = {record: attrgetter(*record.hexes) for record in TYPES.values() if record.hexes}
_DECODERS: dict[bytes, Any] = {
    name.encode(): msgspec.json.Decoder(record, strict=True).decode for name, record in TYPES.items()
}
# All names are ASCII, so this order is the one of RFC 8785; a test compares with `canonical`.
_encode = msgspec.json.Encoder(order="sorted").encode


def instant(now: datetime) -> str:
    """Return an aware time as records write it: UTC, to the second. Raises ValueError for a naive one."""
    if now.tzinfo is None:
        raise ValueError("a time without a zone has no place in a record")
    return now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def encode(record: Record) -> bytes:
    """Return the bytes of the leaf. Raises RecordRefused for a record that `parse` would refuse."""
    data = _encode(record)
    parse(data)
    return data


def parse(data: bytes) -> Record:
    """Return the record of a leaf.

    Raises RecordRefused: "record-unknown" for a type this release does not know, "record-malformed" for all else.
    """
    if len(data) > MAX_LEAF_BYTES:
        raise _malformed("a leaf has at most 1 MiB")
    decode = _DECODERS.get(data[data.rfind(b':"') + 2 : -2])
    if decode is None:
        raise _unknown(data)
    try:
        record: Record = decode(data)
        spelt = _encode(record) == data
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        raise _malformed("the leaf has missing, unknown or wrong members") from None
    if not spelt:
        raise _malformed("the leaf is not in canonical form")
    _check(record)
    return record


def _check(record: Record) -> None:
    """Check what the types cannot say at a bearable cost; patterns for each hash cost three times the whole decode."""
    if not is_instant(record.at):
        raise _malformed("the time is not UTC to the second")
    hexes = _HEXES.get(type(record))
    if hexes is not None and not _is_hex("".join(hexes(record))):
        raise _malformed("a hash is not lower-case hexadecimal")
    check = _MORE.get(type(record))
    if check is not None and not check(record):
        raise _malformed("members of the leaf contradict each other")


@lru_cache(maxsize=1024)
def is_instant(text: str) -> bool:
    """Whether `text` is a time as records write it; it is nearly always the one that was asked before."""
    try:
        return bool(_TIME.match(text)) and datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def _is_hex(text: str) -> bool:
    try:
        unhexlify(text)
    except ValueError:
        return False
    return text == text.lower()


def _is_destination(record: Any) -> bool:
    return _is_host_and_port(record.destination)


@lru_cache(maxsize=64)
def _is_host_and_port(text: str) -> bool:
    return bool(_DESTINATION.match(text))


def _is_outcome(record: Any) -> bool:
    """A token is told by its two dots, visible ASCII around them; whether it holds is for `receipt.read` to say."""
    token = record.receipt
    if token is not None and not (token.isascii() and token.isprintable() and token.count(".") == 2):
        return False
    return bool((record.outcome == "accepted") == (token is not None))


def _is_answer(record: Any) -> bool:
    return bool((record.outcome == "accepted") == (record.document is not None))


def _is_enrolment(record: Any) -> bool:
    return _is_destination(record) and _has_its_certificate(record)


def _has_its_certificate(record: Any) -> bool:
    is_given, certificate = record.step in ("granted", "renewed"), record.certificate
    return is_given == (certificate is not None) and _is_hex(certificate or "")


def _is_consent(record: Any) -> bool:
    return _is_hex("".join(record.fields.values()))


def _is_identity(record: Any) -> bool:
    begun = record.step == "begun"
    has_end = record.ledger_root is not None and record.ledger_size is not None and _is_hex(record.ledger_root)
    has_other = record.other is not None
    number = record.case is not None and record.sequence is not None
    return bool(
        begun == has_end
        and has_other == (record.step in ("ended", "begun"))
        and number == (record.step == "conflict")
        and (record.code is not None) == (record.step in ("conflict", "settled"))
        and (record.ledger_root is None) == (record.ledger_size is None)
        and (record.case is None) == (record.sequence is None)
    )


def _is_decision(record: Any) -> bool:
    dated = record.expires is None or (record.decision == "approved" and is_instant(record.expires))
    return dated and _is_consent(record)


def _is_published(record: Any) -> bool:
    taken = record.step == "taken"
    whole = (record.code is None, record.note is not None, record.root is not None, record.size is not None)
    return all(whole) and _is_hex(record.root) if taken else whole[0] is whole[2] is whole[3] is False


_MORE: dict[type[Record], Any] = {
    Attempt: _is_destination,
    Contact: _is_destination,
    Request: _is_destination,
    Answer: _is_answer,
    Outcome: _is_outcome,
    OutcomeByHand: _is_outcome,
    Enrolment: _is_enrolment,
    EnrolmentByHand: _has_its_certificate,
    Consent: _is_consent,
    Identity: _is_identity,
    Decision: _is_decision,
    Policy: lambda record: _is_hex("".join(record.allow or ())),
    Allowance: lambda record: _is_hex("".join(record.definitions)),
    Release: lambda record: _is_hex("".join(record.asks.values())),
    Published: _is_published,
}


def _unknown(data: bytes) -> RecordRefused:
    try:
        value = msgspec.json.decode(data)
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        return _malformed("the leaf is not JSON")
    name = value.get("type") if isinstance(value, dict) else None
    if not isinstance(name, str) or name in TYPES:
        return _malformed("the leaf does not end with its type")
    return RecordRefused("record-unknown", "the leaf has a type that this release does not know", "use a newer release")


def _malformed(message: str) -> RecordRefused:
    return RecordRefused("record-malformed", message, "the ledger was changed or damaged: compare with an export")
