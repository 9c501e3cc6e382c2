"""Who sent this batch, and may they: certificate, signature, and the revocation table, at every request and file.

Leaves to others: what the batch says. Rules: the signature over the body is the evidence and is always needed; the
certificate of the TLS connection is needed too, unless this installation is allowed to do without it (a proxy of the
customer inspects TLS); certificate and header name the same installation. The TLS layer has checked who issued the
certificate and not its dates (`listening`), so that an expired one can be renewed instead of failing as a broken
connection: dates are checked here, against the row of that certificate.
"""

from dataclasses import dataclass
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from audit import signed
from audit.errors import SignatureRefused
from corporate import certificates, enrolment
from corporate.errors import Answer
from corporate.models import Certificate, Installation

MTLS = "mtls+signature"
SIGNATURE = "signature"
BY_HAND = "signature+by-hand"
_BY_FINGERPRINT = select(Certificate).where(Certificate.fingerprint == bindparam("fingerprint"))  # made once


@dataclass(frozen=True, slots=True)
class Claimed:
    """What a request says about its sender, before anything of it is believed.

    `typ` is what was signed. `by_hand`: it came in a file, so its certificate was shown by nobody and proves no more
    than the signature does.
    """

    installation: str
    certificate: bytes | None
    signature: str | None
    body: bytes
    by_hand: bool = False
    typ: str = signed.BATCH


@dataclass(frozen=True, slots=True)
class Sender:
    """An authenticated sender. `newest` is the certificate issued last, `presented` the one of this connection."""

    installation: str
    customer: int
    authenticated: str
    newest: Certificate
    presented: Certificate | None
    next_at_us: int
    key: Ed25519PublicKey


class CertificateNeeded(Exception):
    """The sender proved its key, but needs a certificate that is good now; after `expired` it is given one."""

    def __init__(self, sender: Sender, expired: bool) -> None:
        super().__init__("certificate needed")
        self.sender = sender
        self.expired = expired


def authenticate(session: Session, claimed: Claimed, now: datetime) -> Sender:
    """The sender of a batch. Raises Answer 401 or 403, or CertificateNeeded."""
    named = None if claimed.certificate is None else certificates.installation_of(claimed.certificate)
    if claimed.certificate is not None and named != claimed.installation:
        raise Answer(401, "identity-differs", "certificate and batch name different installations", "use one identity")
    known = _known(session, claimed.installation)
    key = Ed25519PublicKey.from_public_bytes(known.public_key)
    _check_signature(claimed, known.thumbprint, key)
    if known.revoked_at is not None:
        raise Answer(403, "revoked", "this installation was revoked", "ask the vendor")
    presented = None if claimed.certificate is None else _row(session, claimed.certificate)
    mode = BY_HAND if claimed.by_hand else SIGNATURE if presented is None else MTLS
    newest = enrolment.newest(session, known.id)
    sender = Sender(known.id, known.customer_id, mode, newest, presented, known.next_at_us, key)
    if claimed.by_hand:
        return sender  # files travel slowly: a certificate whose date is over is renewed, and refuses nothing
    if presented is not None and now >= presented.not_after:
        raise CertificateNeeded(sender, expired=True)
    if presented is None and not known.signature_allowed:
        raise CertificateNeeded(sender, expired=now >= newest.not_after)
    return sender


def _known(session: Session, installation: str) -> Installation:
    found = session.get(Installation, installation) if certificates.is_installation_id(installation) else None
    if found is None:
        raise Answer(401, "unknown-installation", "this installation is not enrolled here", "enrol it")
    return found


def _check_signature(claimed: Claimed, thumbprint: str, key: Ed25519PublicKey) -> None:
    if not claimed.signature:
        raise Answer(401, "signature", "the request has no Diffgram-Signature", "sign the body")
    try:
        signed.verify(claimed.signature, {thumbprint: key}, claimed.typ, payload=claimed.body)
    except SignatureRefused as e:
        raise Answer(401, "signature", f"the signature does not hold: {e.code}", "sign with the enrolled key") from e


def _row(session: Session, der: bytes) -> Certificate:
    """The row of the presented certificate; without one it was not issued here, whatever it says."""
    wanted = {"fingerprint": certificates.fingerprint_of_der(der)}
    found = session.execute(_BY_FINGERPRINT, wanted).scalar_one_or_none()
    if found is None or found.revoked_at is not None:
        raise Answer(403, "revoked", "this certificate was revoked", "ask the vendor")
    return found
