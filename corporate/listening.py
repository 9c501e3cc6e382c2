"""TLS for the listeners: contexts, the server's own certificate, and a time limit on every request.

Leaves to others: who a client is (identity). Rules:

  - A client certificate is asked for, not demanded: enrolment has none yet. Its issuer is checked here, its dates are
    not (OpenSSL's NO_CHECK_TIME), so that an expired one reaches `identity` and can be renewed.
  - A handshake has `handshake_s`, a request has `request_s`, first byte to last: gunicorn's threads have no limits of
    their own, and eight half sent ClientHellos once held eight threads for good. This shortens such an attack and
    does not end it: in front of a listener that strangers reach belongs a proxy.
  - Session tickets are off: each connection shows its certificate, and a revoked one cannot resume.
  - The context is made once a process, and again when the certificate's file changes: renewal needs no restart.
"""

import ssl
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from corporate import certificates, files
from corporate.keys import Authority
from corporate.settings import Limits, Settings

_NO_CHECK_TIME = 0x200000  # X509_V_FLAG_NO_CHECK_TIME, which the ssl module does not name
_RENEW_BEFORE = timedelta(days=certificates.SERVER_DAYS // 3)
Factory = Callable[[Any, Any], ssl.SSLContext]


class DeadlineSocket(ssl.SSLSocket):
    """A connection whose requests end in time: afterwards every read says "the other side has closed".

    gunicorn turns blocking on when a request begins and off when the connection waits for the next one, which is
    where the clock starts and stops. Once `expired`, always expired: what follows on the connection is half a request.
    """

    expired = False
    _life_s = 0.0
    _ends: float | None = None

    def start(self, life_s: float) -> None:
        """Start the clock of the first request."""
        self._life_s = life_s
        self._ends = time.monotonic() + life_s

    def setblocking(self, flag: bool) -> None:
        """Start or stop the clock."""
        super().setblocking(flag)
        self._ends = time.monotonic() + self._life_s if flag and self._life_s else None

    def shutdown(self, how: int) -> None:
        """The answer is out; what still arrives is thrown away under gunicorn's own limit."""
        self._ends = None
        super().shutdown(how)

    def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:
        """Read as usual while there is time, else b""."""
        if self.expired:
            return b""
        if self._ends is None:
            return super().recv(buflen, flags)
        left = self._ends - time.monotonic()
        limit = self.gettimeout()
        ours = limit is None or left <= limit
        if left > 0:
            self.settimeout(left if ours else limit)
            try:
                return super().recv(buflen, flags)
            except TimeoutError:
                if not ours:
                    raise
        self.expired = True
        return b""


class _Context(ssl.SSLContext):
    """A server context that limits the handshake and hands out DeadlineSockets."""

    sslsocket_class = DeadlineSocket
    limits: Limits

    def wrap_socket(self, sock: Any, *args: Any, **options: Any) -> DeadlineSocket:  # type: ignore[override]
        """Shake hands within `handshake_s`; gunicorn would do it later, without any limit."""
        sock.settimeout(self.limits.handshake_s)
        options["do_handshake_on_connect"] = True
        try:
            wrapped = super().wrap_socket(sock, *args, **options)
        except TimeoutError as e:
            # gunicorn closes on this error without a word; a stranger could otherwise fill the log.
            raise ssl.SSLError(ssl.SSL_ERROR_EOF, "the handshake took too long") from e
        assert isinstance(wrapped, DeadlineSocket)  # noqa: S101 - for the type checker
        wrapped.settimeout(None)
        wrapped.start(self.limits.request_s)
        return wrapped


def server_certificate(settings: Settings) -> Path:
    """The file of the wire's own certificate and its key."""
    return settings.keys / "wire.pem"


def wire_context(settings: Settings) -> Factory:
    """gunicorn's `ssl_context` hook for the wire."""
    authority = settings.keys / "certificates.crt"
    return _cached(settings.limits, server_certificate(settings), None, authority)


def pages_context(settings: Settings) -> Factory:
    """The same for the pages: no client certificates."""
    certificate, key = settings.pages.certificate, settings.pages.key
    if certificate is None or key is None:
        raise ValueError("the pages have no certificate")
    return _cached(settings.limits, certificate, key, None)


def renew_server_certificate(settings: Settings, authority: Authority, now: datetime) -> bool:
    """Make the wire's certificate if it is missing, old, or for other names. Returns whether it did."""
    path = server_certificate(settings)
    if path.exists() and _still_good(path, settings.wire.names, now):
        return False
    key = ec.generate_private_key(ec.SECP256R1())
    made = certificates.make_server(authority.key, authority.certificate, key.public_key(), settings.wire.names, now)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    # Key and certificate in one file, so that no reader ever sees a new certificate with the old key.
    files.write(path, made.public_bytes(serialization.Encoding.PEM) + pem, 0o600)
    return True


def _still_good(path: Path, names: tuple[str, ...], now: datetime) -> bool:
    found = x509.load_pem_x509_certificate(path.read_bytes())
    alternatives = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return set(names) == {str(name.value) for name in alternatives} and now < found.not_valid_after_utc - _RENEW_BEFORE


def _cached(limits: Limits, certificate: Path, key: Path | None, authority: Path | None) -> Factory:
    made: dict[int, ssl.SSLContext] = {}

    def factory(_config: Any, _default: Any) -> ssl.SSLContext:
        changed = certificate.stat().st_mtime_ns
        found = made.get(changed)
        if found is None:
            found = _context(limits, certificate, key, authority)
            made.clear()
            made[changed] = found
        return found

    return factory


def _context(limits: Limits, certificate: Path, key: Path | None, authority: Path | None) -> ssl.SSLContext:
    context = _Context(ssl.PROTOCOL_TLS_SERVER)
    context.limits = limits
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_TICKET
    context.num_tickets = 0
    context.load_cert_chain(certificate, key)
    if authority is not None:
        context.load_verify_locations(authority)
        context.verify_mode = ssl.CERT_OPTIONAL
        context.verify_flags |= _NO_CHECK_TIME
    return context
