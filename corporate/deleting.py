"""Deletes what a customer asks for, signs what was deleted, and keeps out what arrives later.

Leaves to others: the rows (removing), the words of the statement (audit.deletion). Rules:

- One deletion is one transaction on the rows of its installation, which it locks, so that a batch under way arrives
  before it (and is deleted) or after it (and is kept out). The same request again gets the same statement.
- What was sealed before the request (by the size of its ledger, not by clocks) stays out for good: its hash, number and
  receipt are kept, its content is not. Retries of bytes that were deleted get their receipt and bring nothing back.
- An installation that left is revoked; its own request again is still answered, since the first answer may be lost.
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from audit import catalogue, deletion, signed
from audit.canonical import sha256_hex
from audit.catalogue import ENVELOPE, HEADER, Field
from audit.deletion import Scope
from audit.errors import Refused, SignatureRefused
from corporate import certificates, incidents, releases, removing, requests
from corporate.database import EVERYBODY, Store
from corporate.errors import Answer, OperatorError
from corporate.issues import forgetting
from corporate.keeping_out import TELL
from corporate.keys import DELETIONS
from corporate.models import Batch, Deletion, Installation
from corporate.people import STAFF
from corporate.removing import Foreseen, Pairs
from corporate.server import Corporate

_REMAINS = ("sha256", "sequence", "case", "size_bytes", "received_at", "ledger_size", "ledger_root", "receipt")
_REMAINS_OF_LEFT = ("installation", "public_key", "customer", "revoked_at", "request", "statement")


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be deleted, for whom, and who asked: `request` is the customer's line, or None for our staff.

    `declared`: the customer says that it should not have left.
    """

    installation: str
    customer: int
    scope: Scope
    before_size: int
    asked_by: str
    request: bytes | None = None
    declared: bool = False


def answer(
    server: Corporate,
    body: bytes,
    certificate: bytes | None,
    signature: str | None,
    now: datetime,
    *,
    by_hand: bool = False,
) -> str:
    """Do what a request asks, and return the signed statement. Raises Answer. `by_hand`: it came in a file."""
    try:
        asked = requests.receive(server, deletion.KIND, body, certificate, signature, now, by_hand=by_hand)
    except Answer as no:
        before = _of_left(server.store, body, signature) if no.code == "revoked" else None
        if before is None:
            raise
        return before
    try:
        scope = deletion.scope_of(asked.request)
        key = server.keys.of(DELETIONS)
    except Refused as e:
        raise Answer(400, "malformed", str(e), e.hint, more={"path": e.path}) from e
    except OperatorError as e:
        raise Answer(503, "no-key", e.message, "send it again later; tell the vendor", retry=True) from e
    sender, size = asked.sender, asked.request.ledger_size
    declared = deletion.is_declared(asked.request)
    order = Order(sender.installation, sender.customer, scope, size, "installation", body, declared)
    try:
        return carry_out(server.store, order, key, server.settings.backup_days, now)
    except OperatorError as e:
        raise Answer(400, e.code, e.message, e.hint) from e


def by_staff(
    store: Store, key: Ed25519PrivateKey, backup_days: int, installation: str, scope: Scope, actor: str, now: datetime
) -> str:
    """Delete on the customer's wish, and return the statement, which also rides on the next answers.

    Everything that was received until now is meant. Raises OperatorError.
    """
    with store.reading(EVERYBODY) as session:
        customer, size = _until_now(session, installation)
    order = Order(installation, customer, scope, size, f"{STAFF}{actor}")
    return carry_out(store, order, key, backup_days, now)


def foresee(store: Store, installation: str, scope: Scope) -> Foreseen:
    """What `by_staff` would delete now. Raises OperatorError for an unknown installation, or field."""
    pairs = _pairs(store, scope.field) if scope.field else frozenset()
    with store.reading(EVERYBODY) as session:
        _, size = _until_now(session, installation)
        return removing.foresee(session, installation, scope, size, pairs)


def fields(store: Store) -> list[Field]:
    """The fields whose values can be deleted one by one, by name; of several definitions the newest stored."""
    every = (one for known in releases.catalogues(store) for one in known.fields.values())
    found = {one.name: one for one in every if not _goes_with_all(one)}
    return [found[name] for name in sorted(found)]


def carry_out(store: Store, order: Order, key: Ed25519PrivateKey, backup_days: int, now: datetime) -> str:
    """Delete, sign and record in one transaction; then clean the files. Raises OperatorError for an unknown field."""
    now = now.replace(microsecond=0)
    sha256 = None if order.request is None else sha256_hex(order.request)
    pairs = _pairs(store, order.scope.field) if order.scope.field else frozenset()
    with store.writing(order.customer) as session:
        _lock(session, order.installation)
        before = _done(session, order.installation, sha256)
        if before is not None:
            return before.document
        made = removing.remove(session, order.installation, order.scope, order.before_size, pairs, now)
        left = order.scope.what == deletion.LEAVING
        statement = deletion.Deletion(
            installation=order.installation,
            request=sha256,
            scope=order.scope,
            ledger_size=order.before_size,
            deleted_at=now,
            lanes=made.lanes(),
            already=made.already,
            counts=made.counts,
            remains=_REMAINS_OF_LEFT if left else _REMAINS,
            backups_until=now + timedelta(days=backup_days),
            erased="vacuumed" if store.is_postgresql else "overwritten",
        )
        document = _signed(statement, key)
        session.add(_row(order, sha256, pairs, document, now))
        if order.declared and sha256 is not None and not left:
            incidents.declared(session, order.installation, order.customer, sha256, _named(order, pairs), document, now)
    touched = {*made.counts, *(forgetting.TABLES if "sighting" in made.counts else ())}
    store.scrub("message", "batch", *sorted(touched - {"message", "batch"}))
    return document


def listed(store: Store, installation: str) -> list[Deletion]:
    """Every deletion of one installation, newest first."""
    with store.reading(EVERYBODY) as session:
        wanted = select(Deletion).where(Deletion.installation_id == installation).order_by(Deletion.id.desc())
        return list(session.execute(wanted).scalars())


def one(store: Store, installation: str, wanted: int) -> Deletion | None:
    """One deletion of this installation, by its number, or None."""
    with store.reading(EVERYBODY) as session:
        found = session.get(Deletion, wanted)
    return found if found is not None and found.installation_id == installation else None


def has_left(session: Session, installation: str) -> bool:
    """Whether everything about it was deleted because it left: nothing new is kept about it."""
    wanted = select(Deletion.id).where(Deletion.installation_id == installation, Deletion.what == deletion.LEAVING)
    return session.execute(wanted.limit(1)).first() is not None


def _until_now(session: Session, installation: str) -> tuple[int, int]:
    """Whose it is, and the size of its ledger that everything received until now was sealed before."""
    known = session.get(Installation, installation)
    if known is None:
        hint = "see diffgram-corporate installations"
        raise OperatorError("installation", f"no installation {installation!r}", hint)
    newest = select(func.max(Batch.ledger_size)).where(Batch.installation_id == installation)
    return known.customer_id, (session.execute(newest).scalar_one_or_none() or 0) + 1


def _goes_with_all(one: Field) -> bool:
    """Whether a field stands in every batch or request, and so in no message."""
    return bool({HEADER, ENVELOPE} & set(one.kinds)) or one.case == catalogue.REQUEST


def _lock(session: Session, installation: str) -> None:
    """Take turns with batches under way: each of them updates this row first (storing.seen)."""
    session.execute(
        update(Installation)
        .where(Installation.id == installation)
        .values(next_at_us=Installation.next_at_us)
        .execution_options(synchronize_session=False)
    )


def _done(session: Session, installation: str, sha256: str | None) -> Deletion | None:
    if sha256 is None:
        return None
    wanted = select(Deletion).where(Deletion.installation_id == installation, Deletion.request_sha256 == sha256)
    return session.execute(wanted).scalar_one_or_none()


def _of_left(store: Store, body: bytes, signature: str | None) -> str | None:
    """The statement for a request that was done before its installation was revoked, if it is theirs."""
    asked = requests.read(deletion.KIND, body)
    if not certificates.is_installation_id(asked.installation):
        return None
    with store.reading(EVERYBODY) as session:
        known = session.get(Installation, asked.installation)
        before = _done(session, asked.installation, sha256_hex(body))
    if known is None or before is None:
        return None
    key = Ed25519PublicKey.from_public_bytes(known.public_key)
    try:
        signed.verify(signature or "", {known.thumbprint: key}, signed.REQUEST, payload=body)
    except SignatureRefused:
        return None
    return before.document


def _pairs(store: Store, definition: str | None) -> Pairs:
    """Kind and key of the field that has this definition in a catalogue here, in all of its definitions."""
    every = list(releases.catalogues(store))
    names = {one.name for known in every for one in known.fields.values() if one.hash == definition}
    if not names:
        raise OperatorError("field", "no catalogue here has this definition of a field", "name another definition")
    found = [one for known in every for one in known.fields.values() if one.name in names]
    if any(map(_goes_with_all, found)):
        raise OperatorError("field", "this field goes with every batch or request", "delete batches instead")
    return frozenset((kind, one.key) for one in found for kind in one.kinds)


def _signed(statement: deletion.Deletion, key: Ed25519PrivateKey) -> str:
    try:
        return deletion.issue(statement, key)
    except (ValueError, SignatureRefused) as e:
        hint = "delete by case or by smaller ranges: nothing was deleted"
        raise OperatorError("too-many", "the numbers do not fit into one statement", hint) from e


def _named(order: Order, pairs: Pairs) -> list[str]:
    """What was declared, by names that are ours, or hashes."""
    scope = order.scope
    if pairs:
        return [f"{kind}.{key}" for kind, key in sorted(pairs)]
    return [f"{scope.what}/{scope.batch or scope.case}" if scope.batch or scope.case else scope.what]


def _row(order: Order, sha256: str | None, pairs: Pairs, document: str, now: datetime) -> Deletion:
    scope = order.scope
    return Deletion(
        customer_id=order.customer,
        installation_id=order.installation,
        request_sha256=sha256,
        request=None if order.request is None else order.request.decode(),
        asked_by=order.asked_by,
        what=scope.what,
        case=scope.case,
        batch=scope.batch,
        from_at=scope.from_,
        until_at=scope.until,
        pairs=json.dumps(sorted(pairs)) if pairs else None,
        before_size=order.before_size,
        deleted_at=now,
        document=document,
        told=0 if order.request is None else TELL,
    )
