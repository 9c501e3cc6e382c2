"""Files that were carried by hand: read, each entry judged as on the wire, and a signed file of answers made.

The files' form is `audit.carried`'s, the judgement on a batch `ingest`'s, on a request its kind's (ANSWERS), on a
request for enrolment `enrolment`'s: the same functions as behind the wire, so a batch arrives once, and a request is
done once, however often and by whatever way it comes. Rules:
  - Nothing of a file is used before all of it was found whole and signed by the installation that it names.
  - Every batch and request is answered, refusals with their reasons included, in the order of the file: batches first,
    so that what a file brings is deleted by the request that comes with it.
  - Who brought a file in, and the answers to it, are kept; not for an installation that left by it.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import select

from audit import carried, deletion, signed
from audit.canonical import sha256_hex
from corporate import certificates, deleting, enrolment, ingest, publishing, requests
from corporate.database import EVERYBODY, Store
from corporate.errors import Answer, OperatorError
from corporate.models import Carried, Customer, Installation
from corporate.server import Corporate

PAGE = 50
ANSWERS: Mapping[str, Callable[..., str]] = {deletion.KIND: deleting.answer}
"""Kind of request → what answers it with a signed document, behind its path and here."""


@dataclass(frozen=True, slots=True)
class Brought:
    """One import: who brought which installation's file in, when, and what became of it."""

    id: int
    at: datetime
    actor: str
    customer: str
    installation: str
    sha256: str
    accepted: int
    refused: int


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of one file: its number here (None for who has left), the file of answers, and each answer."""

    id: int | None
    installation: str
    customer: str
    name: str
    data: bytes
    answers: tuple[carried.Answer, ...]
    enrolled: bool
    requests: tuple[carried.Document, ...] = ()

    @property
    def refused(self) -> tuple[carried.Answer | carried.Document, ...]:
        """The answers that are no receipts, and no documents."""
        return tuple(answer for answer in (*self.answers, *self.requests) if answer.status != 200)

    @property
    def accepted(self) -> int:
        """How many batches and requests were accepted."""
        return len(self.answers) + len(self.requests) - len(self.refused)


def take(server: Corporate, data: bytes, actor: str, now: datetime) -> Taken:
    """Take in the file `data` for `actor`, and make the answers to it.

    Raises CarriedRefused and SignatureRefused for a file that cannot be used, OperatorError for an installation that
    is not enrolled here, or a request for enrolment that is refused.
    """
    out = carried.read_out(data, lambda claimed: _keys(server, claimed))
    enrolled = None if out.enrolment is None else _enrol(server, out.installation, out.enrolment, now)
    shown = None if out.certificate is None else _der(out.certificate)
    answers = tuple(_answer(server, batch, shown, now) for batch in out.batches)
    documents = tuple(_document(server, out.installation, asked, shown, now) for asked in out.requests)
    manifest = json.dumps({key: server.manifest[key] for key in ("root", "manifest")}).encode()
    told = any("catalogues" in answer.answer for answer in answers)
    listed = publishing.tail(server.store) if told else None
    back = carried.In(out.installation, sha256_hex(data), manifest, answers, enrolled, documents, listed)
    return _kept(server, back, carried.write_in(back, server.keys.receipts), actor, now)


def imports(store: Store, installation: str | None = None) -> list[Brought]:
    """The newest imports, of one installation or of all."""
    wanted = (
        select(Carried, Customer.name)
        .join(Customer, Customer.id == Carried.customer_id)
        .order_by(Carried.id.desc())
        .limit(PAGE)
    )
    if installation is not None:
        wanted = wanted.where(Carried.installation_id == installation)
    with store.reading(EVERYBODY) as session:
        return [
            Brought(row.id, row.at, row.actor, name, row.installation_id, row.sha256, row.accepted, row.refused)
            for row, name in session.execute(wanted)
        ]


def answers_of(store: Store, wanted: int) -> tuple[str, bytes] | None:
    """Name and bytes of the file of answers that an import gave, or None."""
    with store.reading(EVERYBODY) as session:
        found = session.get(Carried, wanted)
        return None if found is None else (_name(found.installation_id, found.sha256), found.answers)


def _keys(server: Corporate, claimed: carried.Out) -> Mapping[str, Ed25519PublicKey]:
    """Whose signature the list must have: the installation's as enrolled, or of the key that asks to be."""
    if claimed.enrolment is not None:
        try:
            return signed.ring(certificates.key_of_request(claimed.enrolment.csr))
        except Answer as answer:
            raise _refusal(answer) from answer
    with server.store.reading(EVERYBODY) as session:
        known = session.get(Installation, claimed.installation)
    if known is None:
        text = f"no installation {claimed.installation!r} is enrolled here"
        raise OperatorError("unknown-installation", text, "was the file meant for another vendor, or server?")
    return {known.thumbprint: Ed25519PublicKey.from_public_bytes(known.public_key)}


def _answer(server: Corporate, batch: carried.Batch, shown: bytes | None, now: datetime) -> carried.Answer:
    """What the wire would answer to this batch."""
    status, answer = 200, {}
    try:
        answer = ingest.accept(server, batch.body, shown, batch.signature, now, by_hand=True).as_json()
    except Answer as refused:
        status, answer = refused.status, refused.as_json()
    return carried.Answer(batch.case, batch.sequence, sha256_hex(batch.body), status, answer)


def _document(
    server: Corporate, installation: str, asked: carried.Asked, shown: bytes | None, now: datetime
) -> carried.Document:
    """What the path of this kind of request would answer, to whom the file is of."""
    status, answer = 200, {}
    try:
        if asked.kind not in ANSWERS:
            raise Answer(400, "undeclared", "this is no kind of request", "ask with this release")
        if requests.read(asked.kind, asked.body).installation != installation:
            raise Answer(401, "identity-differs", "file and request name different installations", "use one identity")
        answer = {"document": ANSWERS[asked.kind](server, asked.body, shown, asked.signature, now, by_hand=True)}
    except Answer as refused:
        status, answer = refused.status, refused.as_json()
    return carried.Document(asked.kind, sha256_hex(asked.body), status, answer)


def _enrol(
    server: Corporate, installation: str, request: carried.Request, now: datetime
) -> tuple[int, Mapping[str, Any]]:
    try:
        made = enrolment.enrol(server, request.token, installation, request.csr, now)
    except Answer as answer:
        raise _refusal(answer) from answer
    return 201, {"certificate": made.certificate, "customer": made.customer}


def _kept(server: Corporate, back: carried.In, data: bytes, actor: str, now: datetime) -> Taken:
    name, enrolled = _name(back.installation, back.file), back.enrolment is not None
    with server.store.writing(EVERYBODY) as session:
        known = session.get_one(Installation, back.installation)
        customer = session.get_one(Customer, known.customer_id).name
        taken = Taken(None, known.id, customer, name, data, back.answers, enrolled, back.requests)
        if deleting.has_left(session, known.id):
            return taken
        row = Carried(
            customer_id=known.customer_id,
            installation_id=known.id,
            sha256=back.file,
            at=now,
            actor=actor,
            accepted=taken.accepted,
            refused=len(taken.refused),
            answers=data,
        )
        session.add(row)
        session.flush()
        return replace(taken, id=row.id)


def _name(installation: str, sha256: str) -> str:
    """Begins like the name of the file that it answers."""
    return f"carried-{installation[:8]}-{sha256[:12]}.in.zip"


def _der(pem: str) -> bytes:
    try:
        return x509.load_pem_x509_certificate(pem.encode()).public_bytes(serialization.Encoding.DER)
    except ValueError as e:
        raise OperatorError(
            "certificate", "the certificate in the file cannot be read", "ask for the file again"
        ) from e


def _refusal(answer: Answer) -> OperatorError:
    return OperatorError(answer.code, f"the request for enrolment is refused: {answer.message}", answer.hint)
