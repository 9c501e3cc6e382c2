"""Enrolment: a single-use token and a signing request become an installation with a certificate.

Leaves to others: how the token reaches the customer (out of band). Rules: a token is random, kept as SHA-256 only,
expires, and serves one installation; the same installation with the same key may ask again with it, since an answer can
be lost on the way, and gets the same certificate. A refused request does not use the token up.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from audit import signed
from corporate import acts, certificates, instructing
from corporate.database import EVERYBODY, Store
from corporate.errors import Answer, OperatorError
from corporate.keys import INSTRUCTIONS
from corporate.models import Certificate, Customer, EnrolmentToken, Installation
from corporate.server import Corporate

TOKEN_LIFE = timedelta(days=7)
_PREFIX = "dhe_"
_NEW_TOKEN = "ask the vendor for a new enrolment token"  # noqa: S105 - a sentence


# Asked with every batch: made once, since putting a statement together costs more than the database's answer.
_NEWEST = (
    select(Certificate)
    .where(Certificate.installation_id == bindparam("installation"))
    .order_by(Certificate.id.desc())
    .limit(1)
)


@dataclass(frozen=True, slots=True)
class Enrolled:
    """The answer to an enrolment: certificate in PEM, and the customer's name as the vendor keeps it."""

    certificate: str
    customer: str


def make_token(
    store: Store,
    customer: str,
    actor: str,
    now: datetime,
    *,
    life: timedelta = TOKEN_LIFE,
    signature_allowed: bool = False,
    succeeds: str | None = None,
) -> str:
    """Make a token for `customer` (made if new) and return it; it cannot be shown again.

    `signature_allowed`: the installation may send over a connection without its certificate, for customers whose
    proxy inspects TLS. `succeeds` is an installation of this customer that the new one was a copy of. Raises
    OperatorError for an empty or overlong name, or when the customer has no such installation.
    """
    name = customer.strip()
    if not 1 <= len(name) <= 80 or not name.isprintable():
        raise OperatorError("customer", f"{customer!r} is no customer's name", "write 1 to 80 printable characters")
    token = _PREFIX + secrets.token_urlsafe(32)
    with store.writing(EVERYBODY) as session:
        made = store.insert(Customer).values(name=name, made_at=now).on_conflict_do_nothing()
        session.execute(made)
        customer_id = session.execute(select(Customer.id).where(Customer.name == name)).scalar_one()
        if succeeds is not None:
            _check_succeeds(session, succeeds, customer_id)
        session.add(
            EnrolmentToken(
                succeeds=succeeds,
                customer_id=customer_id,
                sha256=_sha256(token),
                made_at=now,
                made_by=actor,
                expires_at=now + life,
                signature_allowed=signature_allowed,
            )
        )
    return token


def _check_succeeds(session: Session, succeeds: str, customer: int) -> None:
    known = session.get(Installation, succeeds)
    if known is None or known.customer_id != customer:
        hint = "see diffgram-corporate installations"
        raise OperatorError("installation", f"this customer has no installation {succeeds!r}", hint)


def enrol(server: Corporate, token: str, installation: str, csr: str, now: datetime) -> Enrolled:
    """Enrol `installation` with the key of `csr`. Raises Answer."""
    if not certificates.is_installation_id(installation):
        raise Answer(400, "installation", "the installation is not 32 lower-case hex characters", "make it anew")
    key = certificates.key_of_request(csr)
    with server.store.reading(EVERYBODY) as session:
        _permission(session, token, installation, now)  # a stranger without a token never holds the write lock
    with server.store.writing(EVERYBODY) as session:
        permission = _permission(session, token, installation, now)
        known = session.get(Installation, installation)
        _check_known(known, permission, key)
        if permission.used_at is not None and known is not None:
            pem = newest(session, installation).pem
        else:
            if known is None:
                known = _installation(installation, permission, key, now)
                session.add(known)
                session.flush()
                instructing.issue_first(session, known, server.keys.signing.get(INSTRUCTIONS), now)
            permission.used_at, permission.used_by = now, installation
            pem = issue(server, session, installation, permission.customer_id, key, now)
        return Enrolled(pem, session.get_one(Customer, permission.customer_id).name)


def issue(
    server: Corporate, session: Session, installation: str, customer: int, key: Ed25519PublicKey, now: datetime
) -> str:
    """Make a certificate, keep it in the table that every request is checked against, and return its PEM."""
    authority = server.keys.authority
    days = server.settings.certificate_days
    made = certificates.make_installation(authority.key, authority.certificate, key, installation, now, days)
    pem = made.public_bytes(serialization.Encoding.PEM).decode()
    session.add(
        Certificate(
            customer_id=customer,
            installation_id=installation,
            fingerprint=certificates.fingerprint(made),
            pem=pem,
            not_before=made.not_valid_before_utc,
            not_after=made.not_valid_after_utc,
        )
    )
    return pem


def newest(session: Session, installation: str) -> Certificate:
    """The certificate issued last."""
    return session.execute(_NEWEST, {"installation": installation}).scalar_one()


def revoke(store: Store, installation: str, actor: str, now: datetime) -> None:
    """Refuse this installation and all its certificates from the next request on. Raises OperatorError."""
    with store.writing(EVERYBODY) as session:
        known = session.get(Installation, installation, with_for_update=True)
        if known is None:
            raise OperatorError(
                "installation", f"no installation {installation!r}", "see diffgram-corporate installations"
            )
        if known.revoked_at is None:
            known.revoked_at, known.revoked_by = now, actor
        wanted = select(Certificate).where(
            Certificate.installation_id == installation, Certificate.revoked_at.is_(None)
        )
        for certificate in session.execute(wanted).scalars():
            certificate.revoked_at = now


def allow_signature(store: Store, installation: str, allowed: bool, actor: str, now: datetime) -> None:
    """Whether this installation may send without its certificate, by signature alone. Raises OperatorError."""
    with store.writing(EVERYBODY) as session:
        known = session.get(Installation, installation)
        if known is None:
            raise OperatorError(
                "installation", f"no installation {installation!r}", "see diffgram-corporate installations"
            )
        known.signature_allowed = allowed
        acts.note(session, actor, acts.SIGNATURE_ALLOWED if allowed else acts.SIGNATURE_DEMANDED, now, known)


def _permission(session: Session, token: str, installation: str, now: datetime) -> EnrolmentToken:
    """The token's row, locked. The same answer for unknown and malformed: nothing to learn from it."""
    wanted = select(EnrolmentToken).where(EnrolmentToken.sha256 == _sha256(token)).with_for_update()
    found = session.execute(wanted).scalar_one_or_none()
    if found is None:
        raise Answer(401, "token-unknown", "the enrolment token is not known", _NEW_TOKEN)
    if found.used_at is not None and found.used_by != installation:
        raise Answer(401, "token-used", "the enrolment token was used by another installation", _NEW_TOKEN)
    if now >= found.expires_at:
        raise Answer(401, "token-expired", "the enrolment token has expired", _NEW_TOKEN)
    return found


def _check_known(known: Installation | None, permission: EnrolmentToken, key: Ed25519PublicKey) -> None:
    if known is None:
        return
    if known.revoked_at is not None:
        raise Answer(403, "revoked", "this installation was revoked", "ask the vendor")
    if known.public_key != key.public_bytes_raw() or known.customer_id != permission.customer_id:
        raise Answer(
            409, "installation-exists", "an installation with this id enrolled with another key", "set up a new folder"
        )


def _installation(installation: str, permission: EnrolmentToken, key: Ed25519PublicKey, now: datetime) -> Installation:
    return Installation(
        id=installation,
        customer_id=permission.customer_id,
        public_key=key.public_bytes_raw(),
        thumbprint=signed.thumbprint(key),
        enrolled_at=now,
        signature_allowed=permission.signature_allowed,
        succeeds=permission.succeeds,
        next_at_us=0,
    )


def _sha256(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
