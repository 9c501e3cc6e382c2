"""What the door trusts, and what it shows of itself, as TLS contexts. For the door only (`diffgram_home.outbound`)."""

from __future__ import annotations

import ssl

from diffgram_home import exchange
from diffgram_home.exchange import Identity, Trust


def unverified() -> ssl.SSLContext:
    """A context that takes whoever answers: what comes over it is worthless until a signature in it is checked."""
    context = _context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def verified(trust: Trust, identity: Identity | None) -> ssl.SSLContext:
    """A context that trusts what `trust` says and nothing else; shows the certificate of `identity` if it has one."""
    shown = identity.certificate_file if identity is not None else None
    context = _context()
    with exchange.usable([file for file in (shown, trust.ca_file) if file]):
        for certificate in trust.certificates:
            context.load_verify_locations(cadata=certificate)
        if trust.ca_file is not None:
            context.load_verify_locations(cafile=trust.ca_file)
        if trust.system:
            context.load_default_certs()
        if identity is not None and shown is not None:
            context.load_cert_chain(shown, identity.key_file)
    return context


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # verifies, and checks the host name, unless told otherwise
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
