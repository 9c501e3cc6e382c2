"""The small certificate authority: its own certificate, the TLS server's, and the installations'.

Leaves to others: who may have one (enrolment), and whether one is still good (identity). Rules: of a request only the
public key is taken, everything else in it is ignored, so that it cannot ask for more than it gets; an installation's
certificate says who it is in one URI (`urn:diffgram:installation:<id>`) and is good for client authentication only.
"""

import hashlib
import ipaddress
import re
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from corporate.errors import Answer

AUTHORITY_DAYS = 3650
SERVER_DAYS = 90
URI = "urn:diffgram:installation:"
_ID = re.compile(r"[0-9a-f]{32}")
_SKEW = timedelta(minutes=5)
_CSR_BYTES = 8192


def fingerprint(certificate: x509.Certificate) -> str:
    """Hex SHA-256 of the certificate."""
    return certificate.fingerprint(hashes.SHA256()).hex()


def fingerprint_of_der(der: bytes) -> str:
    """The same, for the bytes of a TLS handshake."""
    return hashlib.sha256(der).hexdigest()


def is_installation_id(text: str) -> bool:
    """Whether `text` is 32 lower-case hex characters."""
    return _ID.fullmatch(text) is not None


def make_authority(key: ec.EllipticCurvePrivateKey, name: str, now: datetime) -> x509.Certificate:
    """The authority's own certificate: may sign certificates, but no further authorities."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{name[:40]} certificates")])
    builder = _builder(subject, subject, key.public_key(), now, timedelta(days=AUTHORITY_DAYS))
    usage = _usage(sign=False, certificates=True)
    return (
        builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def make_server(
    authority_key: ec.EllipticCurvePrivateKey,
    authority: x509.Certificate,
    key: ec.EllipticCurvePublicKey,
    names: tuple[str, ...],
    now: datetime,
) -> x509.Certificate:
    """A certificate for our TLS listener under every name and address in `names`."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])])
    builder = _builder(subject, authority.subject, key, now, timedelta(days=SERVER_DAYS))
    alternatives = x509.SubjectAlternativeName([_general_name(name) for name in names])
    builder = builder.add_extension(alternatives, critical=False)
    return _leaf(builder, authority_key, key, ExtendedKeyUsageOID.SERVER_AUTH)


def make_installation(
    authority_key: ec.EllipticCurvePrivateKey,
    authority: x509.Certificate,
    key: Ed25519PublicKey,
    installation: str,
    now: datetime,
    days: int,
) -> x509.Certificate:
    """A certificate that says: this key is `installation`. Good for `days` days."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, installation)])
    builder = _builder(subject, authority.subject, key, now, timedelta(days=days))
    uri = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(URI + installation)])
    return _leaf(builder.add_extension(uri, critical=False), authority_key, key, ExtendedKeyUsageOID.CLIENT_AUTH)


def installation_of(der: bytes) -> str | None:
    """The installation that a certificate of ours names, or None."""
    try:
        certificate = x509.load_der_x509_certificate(der)
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, x509.ExtensionNotFound):
        return None
    uris = names.get_values_for_type(x509.UniformResourceIdentifier)
    if len(uris) != 1 or not uris[0].startswith(URI):
        return None
    found = uris[0].removeprefix(URI)
    return found if is_installation_id(found) else None


def key_of_request(pem: str) -> Ed25519PublicKey:
    """The public key of a signing request whose signature proves possession of the private one.

    Raises Answer 400 csr for anything else than an Ed25519 request.
    """
    if len(pem) > _CSR_BYTES:
        raise _bad_request("the request is larger than 8192 bytes")
    try:
        request = x509.load_pem_x509_csr(pem.encode())
        key = request.public_key()
        valid = request.is_signature_valid
    except Exception as e:  # cryptography raises several unrelated types for damaged requests; none may pass
        raise _bad_request("the request cannot be read") from e
    if not valid:
        raise _bad_request("the request's own signature is wrong")
    if not isinstance(key, Ed25519PublicKey):
        raise _bad_request("the request's key is not Ed25519")
    return key


def _bad_request(message: str) -> Answer:
    return Answer(400, "csr", message, "make a PKCS #10 request with an Ed25519 key, in PEM")


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: Ed25519PublicKey | ec.EllipticCurvePublicKey,
    now: datetime,
    life: timedelta,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SKEW)
        .not_valid_after(now + life)
    )


def _leaf(
    builder: x509.CertificateBuilder,
    authority_key: ec.EllipticCurvePrivateKey,
    key: Ed25519PublicKey | ec.EllipticCurvePublicKey,
    use: x509.ObjectIdentifier,
) -> x509.Certificate:
    return (
        builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(sign=True, certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([use]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False)
        .sign(authority_key, hashes.SHA256())
    )


def _usage(*, sign: bool, certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=sign,
        key_cert_sign=certificates,
        crl_sign=certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
