"""Makes this installation known to corporate, and keeps its certificate and corporate's manifest current.

`certificate.pem` beside the keys is ours, issued by corporate; `manifest.json` is manifest.py's. Both are replaced
whole or not at all.

First contact: the manifest comes over a connection that is not verified, and counts only if the pinned root signed it.
Only then does anything of ours go out, over connections verified against the authority in that manifest.

If the answer to an enrolment is lost, the same command with the same token brings the same answer again: id and key
were made before, and corporate knows them by now. Renewal sends nothing: a fresh certificate rides on a receipt, or on
the refusal of an expired one.

A refusal by corporate has corporate's own code: letters, digits and dashes, or `status-403` where it said none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import NameOID

from audit import record, signed
from audit.errors import SignatureRefused
from diffgram_home import counting, facts, files, ledger, manifest
from diffgram_home.errors import HomeError
from diffgram_home.exchange import Answer, Enrolment, Identity, Trust, Unknown
from diffgram_home.home import Home
from diffgram_home.judging import code_of, plain, told_by
from diffgram_home.manifest import Manifest
from diffgram_home.outbound import Door

CERTIFICATE_FILE = "certificate.pem"
LEAVING = "leaving"
"""The fact that says whether this installation is leaving corporate, or has left."""
_MANIFEST = "GET /v1/manifest"
_URI = "urn:diffgram:installation:"
_TOKEN = re.compile(r"[!-~]{8,500}")


class EnrolmentError(HomeError):
    """Corporate refused, or its answer cannot be used. The token is still good unless the message says otherwise."""


@dataclass(frozen=True, slots=True)
class Enrolled:
    """What corporate made of us: its name for the customer, its own name, and the certificate's last moment."""

    customer: str
    corporate: str
    expires_at: datetime


def enrol(home: Home, door: Door, token: str, actor: str, now: datetime) -> Enrolled:
    """Enrol with a single-use token from corporate; `actor` (`os:uid`, `person:N`) is who has it done.

    Raises EnrolmentError, SignatureRefused (the manifest or the certificate is not what it should be), NotReached, and
    Unknown: then do it again with the same token. Each step is in the ledger, the token never is.
    """
    check_token(token)
    check_not_left(home)
    stated = refresh(home, door, now, first=True)
    note(home, door, "asked", actor, now)
    try:
        answer = door.enrol(Enrolment(token, home.installation, signing_request(home)), trust(home, stated))
        customer, pem = _granted(answer)
        certificate = own(home, pem, stated, now)
    except (HomeError, SignatureRefused) as error:
        note(home, door, "unknown" if isinstance(error, Unknown) else "refused", actor, now, code=error.code)
        raise
    return keep(home, door, stated, customer, pem, certificate, actor, now)


def check_token(token: str) -> None:
    """Raises EnrolmentError for what cannot be a token."""
    if not _TOKEN.fullmatch(token):
        hint = "copy it whole, without spaces around it"
        raise EnrolmentError("token-malformed", "this cannot be a token", hint)


def check_not_left(home: Home) -> None:
    """Raises EnrolmentError where this installation has left: corporate lets nobody take its name again."""
    with home.store.read() as session:
        left = (facts.get(session, LEAVING) or {}).get("left_at")
    if left:
        hint = "to come back as a new one: 'diffgram-home identity renew --token-file FILE'"
        raise EnrolmentError("left", "this installation has left corporate, and its name is gone there", hint)


def keep(
    home: Home,
    door: Door | None,
    stated: Manifest,
    customer: str,
    pem: str,
    certificate: x509.Certificate,
    actor: str,
    now: datetime,
) -> Enrolled:
    """Put a certificate that `own` found good in its place, and record it; without a door it came by hand."""
    files.write(home.keys.folder / CERTIFICATE_FILE, pem.encode("ascii"))
    note(home, door, "granted", actor, now, certificate=certificate)
    known = {"customer": customer, "corporate": stated.corporate, **_fact(certificate, now)}
    with home.store.write() as session:
        facts.put(session, "enrolment", known)
        counting.end_notice(session, now, "not-enrolled")
    return Enrolled(customer, stated.corporate, certificate.not_valid_after_utc)


def is_enrolled(home: Home) -> bool:
    """Whether corporate has issued a certificate to this installation, expired or not."""
    return (home.keys.folder / CERTIFICATE_FILE).is_file()


def refresh(home: Home, door: Door, now: datetime, *, first: bool = False) -> Manifest:
    """Fetch the manifest and keep it if it is not older than the one here.

    With `first` over an unverified connection, as when there is none yet, or when corporate's authority itself changed.
    Raises SignatureRefused, EnrolmentError, NotReached, Unknown; what is stored then stays. The ledger says that it was
    asked for, before anything opens, and how that ended.
    """
    trusted = None if first else trust(home, manifest.stored(home, now))
    contact(home, door, _MANIFEST, "asked", None, now)
    try:
        answer = door.fetch_manifest(trusted) if trusted else door.fetch_manifest_unverified()
        fresh = _fresh(home, answer, now)
    except (HomeError, SignatureRefused) as error:
        contact(home, door, _MANIFEST, "failed", error.code, now)
        raise
    manifest.keep(home, answer.body, fresh)
    contact(home, door, _MANIFEST, "answered", None, now)
    return fresh


def _fresh(home: Home, answer: Answer, now: datetime) -> Manifest:
    if answer.status != 200:
        raise _refusal(answer)
    fresh = manifest.check(answer.body, home.settings.corporate.root, now)
    if fresh.version < manifest.version_here(home):
        hint = "it may come from a restored backup at corporate, or from somebody in between; ask corporate"
        raise SignatureRefused("manifest-older", f"version {fresh.version} is older than the one here", hint)
    return fresh


def trust(home: Home, stated: Manifest) -> Trust:
    """Whose server certificates count: the manifest's authority, and what the settings add."""
    corporate = home.settings.corporate
    return Trust(stated.certificates, corporate.ca_file, corporate.trust == "system")


def identity(home: Home, now: datetime, *, show: bool | None = None) -> Identity:
    """Who we are towards corporate.

    `show` says whether the certificate is shown; None: unless it expired, since a server ends TLS over such a one.
    """
    path = home.keys.folder / CERTIFICATE_FILE
    wanted = not _expired(path, now) if show is None else show
    shown = path if wanted and path.is_file() else None
    return Identity(home.installation, home.keys.installation, home.keys.folder / "installation.pem", shown)


def renew(home: Home, door: Door | None, pem: Any, now: datetime) -> bool:
    """Take a certificate that rode on an answer; True if it is newer than ours and is kept from now on.

    Without a door the answer was carried here by hand.

    Raises SignatureRefused for one that is not ours or not corporate's.
    """
    if not isinstance(pem, str):
        raise _unusable("it is not text")
    fresh = own(home, pem, manifest.stored(home, now), now)
    path = home.keys.folder / CERTIFICATE_FILE
    held = _held(path)
    if held is not None and held.not_valid_after_utc >= fresh.not_valid_after_utc:
        return False
    files.write(path, pem.encode("ascii"))
    note(home, door, "renewed", "home", now, certificate=fresh)
    with home.store.write() as session:
        facts.put(session, "enrolment", {**facts.get(session, "enrolment", {}), **_fact(fresh, now)})
    return True


def signing_request(home: Home) -> str:
    """A signing request (PKCS #10, PEM): proves that the key is here, asks for nothing but a certificate for it."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, home.installation)])
    builder = x509.CertificateSigningRequestBuilder().subject_name(name)
    return builder.sign(home.keys.installation, None).public_bytes(serialization.Encoding.PEM).decode("ascii")


def _granted(answer: Answer) -> tuple[str, str]:
    """Customer and certificate of a 201; otherwise raises EnrolmentError."""
    if answer.status != 201:
        raise _refusal(answer)
    told = told_by(answer)
    customer, pem = told.get("customer"), told.get("certificate")
    if not isinstance(customer, str) or not isinstance(pem, str):
        hint = "is [corporate] url the wire address? ask corporate"
        raise EnrolmentError("answer-malformed", "corporate's answer has no customer and certificate", hint)
    return plain(customer), pem


def _refusal(answer: Answer) -> EnrolmentError:
    told = told_by(answer)
    code = code_of(told) or f"status-{answer.status}"
    message = plain(told.get("message")) or f"corporate answered {answer.status}"
    return EnrolmentError(
        code, message, plain(told.get("hint")) or "ask corporate; look at [corporate] url and any proxy"
    )


def own(home: Home, pem: str, stated: Manifest, now: datetime) -> x509.Certificate:
    """The certificate in `pem`, if it is for our key and id, by an authority of the manifest, and not over.

    Its beginning is not looked at: a clock here that is behind would refuse what corporate's clock just made.
    """
    try:
        certificate = x509.load_pem_x509_certificate(pem.encode("ascii"))
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, x509.ExtensionNotFound) as error:
        raise _unusable("it cannot be read") from error
    if certificate.public_key() != home.keys.installation.public_key():
        raise _unusable("it is for another key")
    if names.get_values_for_type(x509.UniformResourceIdentifier) != [_URI + home.installation]:
        raise _unusable("it names another installation")
    if not any(_issued_by(certificate, authority) for authority in stated.certificates):
        raise _unusable("it is not issued by an authority of the manifest")
    if certificate.not_valid_after_utc <= now:
        raise _unusable("its time is over; look at this machine's clock")
    return certificate


def _issued_by(certificate: x509.Certificate, authority: str) -> bool:
    try:
        certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(authority.encode("ascii")))
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _unusable(why: str) -> SignatureRefused:
    return SignatureRefused(
        "certificate-unusable", f"corporate's certificate for us cannot be used: {why}", "ask corporate"
    )


def _held(path: Path) -> x509.Certificate | None:
    try:
        return _parsed(path.read_bytes())
    except (OSError, ValueError):
        return None


@lru_cache(maxsize=2)
def _parsed(pem: bytes) -> x509.Certificate:
    """Read for every batch; taking it apart costs ten times the reading."""
    return x509.load_pem_x509_certificate(pem)


def _expired(path: Path, now: datetime) -> bool:
    held = _held(path)
    return held is None or held.not_valid_after_utc <= now


def note(
    home: Home,
    door: Door | None,
    step: Literal["asked", "granted", "refused", "unknown", "renewed"],
    actor: str,
    now: datetime,
    *,
    code: str | None = None,
    certificate: x509.Certificate | None = None,
) -> None:
    """One step in the ledger, durable when this returns; without a door it was made with files, by hand."""
    same: dict[str, Any] = {
        "at": record.instant(now),
        "actor": actor,
        "certificate": certificate.fingerprint(hashes.SHA256()).hex() if certificate else None,
        "code": code,
        "installation": home.installation,
        "key": signed.thumbprint(home.keys.installation.public_key()),
        "root": home.settings.corporate.root,
    }
    if door is None:
        entry: record.Record = record.EnrolmentByHand(step=step, **same)  # type: ignore[arg-type]
    else:
        entry = record.Enrolment(destination=door.destination, step=step, **same)
    with home.store.write() as session:
        ledger.append(session, entry)


def contact(
    home: Home,
    door: Door,
    request: str,
    step: Literal["asked", "answered", "failed"],
    code: str | None,
    now: datetime,
) -> None:
    """One step of a `request` without a body, such as "GET /v1/manifest", in the ledger; durable when this returns."""
    at = record.instant(now)
    entry = record.Contact(at=at, code=code, destination=door.destination, request=request, step=step)
    with home.store.write() as session:
        ledger.append(session, entry)


def _fact(certificate: x509.Certificate, now: datetime) -> dict[str, Any]:
    return {
        "at": now.isoformat(),
        "certificate": certificate.fingerprint(hashes.SHA256()).hex(),
        "expires_at": certificate.not_valid_after_utc.isoformat(),
    }
