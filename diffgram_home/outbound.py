"""The door: the only module that may open a connection to the outside.

It does three things and no others: fetch corporate's manifest (nothing of ours in it), hand in an enrolment, and post
one sealed batch. There is no function that posts whatever bytes a caller has.

It leaves to others what to send and when (sending.py), what an answer means (sending.py, enrolment.py), and what may be
contacted (egress.py).

Its rules:

- A host and port outside the egress registry is refused before a name is looked up.
- A batch passes `audit.gate.check` here, on the exact bytes, under the rules of this moment, before anything is opened
  and again if the rules changed while the connection was made. Callers cannot skip it.
- The time limit is for the whole exchange, names included: a server that drips a byte a second gains nothing. Answers
  have a size limit. No redirects, no retries, no environment variables, no connection kept.
- What went wrong says which side of the first byte it was (exchange.py).
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import ipaddress
import queue
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote, urlsplit

import msgspec
import zstandard
from urllib3.connection import HTTPSConnection
from urllib3.exceptions import HTTPError
from urllib3.response import HTTPResponse

from audit import gate, signed
from audit.errors import Refused
from diffgram_home.egress import Destination
from diffgram_home.errors import HomeError
from diffgram_home.exchange import Answer, Enrolment, Identity, NotReached, Trust, Unknown, retry_after_s

ANSWER_LIMIT_BYTES = 1024 * 1024
"""No answer of corporate's is longer; a longer one is not read to its end."""

CERTIFICATE_NOT_ACCEPTED = "certificate-not-accepted"
"""The code when the server's TLS layer refuses our certificate: the next attempt should show none."""

_ADDRESS_LIMIT_S = 5.0  # for one of several addresses of a name, so that a dead one leaves time for the others
_CODEC = gate.Codec(msgspec.json.encode, msgspec.json.decode)


class _Exchange:
    """One exchange's clock. At its end, or when told to stop, the socket is shut under whoever waits on it.

    The plain socket below TLS is shut: `SSLSocket.shutdown` would drop the TLS layer and let the waiting reader take
    what is left for plain text.
    """

    def __init__(self, limit_s: float) -> None:
        self._ends = time.monotonic() + limit_s
        self._timer = threading.Timer(limit_s, self.end, args=("too-slow",))
        self._timer.daemon = True
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self.names: queue.SimpleQueue[list[tuple] | OSError | None] = queue.SimpleQueue()
        self.ended: str | None = None
        self._timer.start()

    def left_s(self) -> float:
        """Seconds left, never zero: a socket with timeout zero would be non-blocking."""
        return max(self._ends - time.monotonic(), 0.001)

    def watch(self, sock: socket.socket) -> None:
        """From now on `sock` is what ends when the exchange does. A duplicate is kept: TLS takes the first one over."""
        with self._lock:
            self._drop()
            self._socket = sock.dup()
        if self.ended:
            self.end(self.ended)

    def end(self, code: str) -> None:
        """End it now. The first reason stays."""
        with self._lock:
            self.ended = self.ended or code
            self.names.put(None)
            if self._socket is not None:
                with contextlib.suppress(OSError):
                    self._socket.shutdown(socket.SHUT_RDWR)

    def end_in(self, seconds: float, code: str) -> None:
        """End it in so many seconds, unless it ends before."""
        self._last = threading.Timer(seconds, self.end, args=(code,))
        self._last.daemon = True
        self._last.start()

    def close(self) -> None:
        """The exchange is over; the clock stops."""
        self._timer.cancel()
        with self._lock:
            self._drop()

    def _drop(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


class _Connection(HTTPSConnection):
    """An HTTPS connection over a socket that the door opened: urllib3 looks no name up and chooses no address."""

    opened: socket.socket

    def _new_conn(self) -> socket.socket:
        return self.opened


class Door:
    """The way out to one corporate, directly or through one proxy.

    `url` is corporate's base address (https), `proxy` the customer's or None, `registry` what may be contacted,
    `timeout_s` seconds for one whole exchange, `rules` gives what the gate has to apply at this moment.
    """

    def __init__(
        self,
        url: str,
        *,
        registry: tuple[Destination, ...],
        timeout_s: float,
        rules: Callable[[], gate.Rules],
        proxy: str | None = None,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme != "https" or parts.hostname is None:
            raise ValueError(f"corporate's address '{url}' is not https; write https://host:port in [corporate] url")
        self._target = (parts.hostname, parts.port or 443)
        self._base = parts.path.rstrip("/")
        self._proxy = urlsplit(proxy) if proxy else None
        if self._proxy is not None and self._proxy.scheme != "http":
            raise ValueError("only a proxy that is spoken to in http is supported; write http://host:port")
        self._registry = frozenset((d.host, d.port) for d in registry)
        self._timeout_s = timeout_s
        self._rules = rules
        self._compressor = zstandard.ZstdCompressor(level=1)  # bodies.LEVEL says why
        self._contexts: dict[object, ssl.SSLContext] = {}
        self._current: _Exchange | None = None
        self._stopped = False

    @property
    def destination(self) -> str:
        """Corporate's `host:port`, as the ledger names it."""
        host, port = self._target
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    def fetch_manifest(self, trust: Trust) -> Answer:
        """Corporate's manifest over a verified connection. Raises NotReached, Unknown."""
        return self._exchange("GET", "/v1/manifest", None, {}, _verified(trust, None))

    def fetch_manifest_unverified(self) -> Answer:
        """Corporate's manifest from whoever answers: worthless until checked against the pinned root.

        Sends nothing of the installation: no certificate, no body. Raises NotReached, Unknown.
        """
        return self._exchange("GET", "/v1/manifest", None, {}, _unverified())

    def enrol(self, enrolment: Enrolment, trust: Trust) -> Answer:
        """Hand in `enrolment` over a verified connection. Raises NotReached, Unknown."""
        body = msgspec.json.encode(enrolment)
        headers = {"Content-Type": "application/json"}
        return self._exchange("POST", "/v1/enrolment", lambda: body, headers, _verified(trust, None))

    def send_batch(self, body: bytes, generation: int, identity: Identity, trust: Trust, *, now: datetime) -> Answer:
        """Post the sealed batch `body`, sealed under the store's `generation`, once, if it may leave `now`.

        Raises audit's Refused (nothing left, nothing was opened), NotReached, Unknown.
        """
        with nothing_left():
            rules = self._rules()
            self._check(body, rules, generation, identity, now)
            signature = signed.sign(body, identity.key, signed.BATCH, detached=True)
            packed = self._compressor.compress(body)
            context = self._context_for(trust, identity)
        headers = {
            "Content-Type": "application/x-ndjson",
            "Content-Encoding": "zstd",
            "Diffgram-Signature": signature,
        }

        def content() -> bytes:
            with nothing_left():
                latest = self._rules()
                if latest is not rules:
                    self._check(body, latest, generation, identity, now)
            return packed

        return self._exchange("POST", "/v1/batches", content, headers, context)

    @property
    def is_stopping(self) -> bool:
        """Whether `stop` was called."""
        return self._stopped

    def stop(self, grace_s: float = 0) -> None:
        """Let no further connection begin, and end the present one after `grace_s` seconds.

        Whoever waits on it then gets NotReached or Unknown.
        """
        self._stopped = True
        current = self._current
        if current is not None:
            current.end_in(grace_s, "stopped")

    def _context_for(self, trust: Trust, identity: Identity) -> ssl.SSLContext:
        """The context of the last batch while no file of it changed: loading them costs a millisecond."""
        files = [file for file in (identity.certificate_file, trust.ca_file) if file]
        with _usable(files):
            wanted = (trust, *((file, file.stat().st_mtime_ns) for file in files))
        if wanted not in self._contexts:
            self._contexts = {wanted: _verified(trust, identity)}
        return self._contexts[wanted]

    def _check(self, body: bytes, rules: gate.Rules, generation: int, identity: Identity, now: datetime) -> None:
        batch = gate.check(body, rules, generation, _CODEC, now=now)
        case = batch.header.case
        if rules.modes.cases.get(case) != "on":  # a void has no messages whose kinds could be off
            raise Refused("switched", case, f"case '{case}' is not on", "switch it on, or leave it: nothing is lost")
        if batch.header.installation != identity.installation:
            raise NotReached(
                "other-installation",
                "the batch names another installation",
                "the data folder was mixed with another's; restore it from one backup",
            )

    def _exchange(
        self,
        method: str,
        path: str,
        content: Callable[[], bytes] | None,
        headers: Mapping[str, str],
        context: ssl.SSLContext,
    ) -> Answer:
        exchange = self._begin()
        try:
            with self._connected(exchange, context) as connection:
                body = content() if content else None
                return _ask(connection, exchange, method, self._base + path, body, headers)
        finally:
            self._current = None
            exchange.close()

    def _begin(self) -> _Exchange:
        exchange = self._current = _Exchange(self._timeout_s)
        if self._stopped:
            exchange.end("stopped")
        return exchange

    @contextlib.contextmanager
    def _connected(self, exchange: _Exchange, context: ssl.SSLContext) -> Iterator[_Connection]:
        host, port = self._target
        self._listed(host, port)
        if self._proxy is None:
            connection = _Connection(host, port, ssl_context=context, timeout=exchange.left_s())
        else:
            near = (self._proxy.hostname or "", self._proxy.port or 3128)
            self._listed(*near)
            connection = _Connection(*near, ssl_context=context, timeout=exchange.left_s())
            connection.set_tunnel(host, port, headers=_proxy_headers(self._proxy.username, self._proxy.password))
        try:
            with _nothing_left(exchange, host):
                connection.opened = _open(connection.host, connection.port, exchange)
                connection.connect()
            yield connection
        finally:
            connection.close()

    def _listed(self, host: str, port: int) -> None:
        if (host, port) not in self._registry:
            raise NotReached(
                "not-in-registry",
                f"'{host}:{port}' is not in the egress registry",
                "only the hosts that 'diffgram-home egress' prints may be contacted; see [corporate] in the settings",
            )


@contextlib.contextmanager
def nothing_left() -> Iterator[None]:
    """Whatever goes wrong in here, no byte has left: NotReached says so, or Refused where the gate said no."""
    try:
        yield
    except (Refused, NotReached):
        raise
    except HomeError as error:
        raise NotReached(error.code, str(error.args[0]), error.hint) from error
    except Exception as error:
        # Only the kind of error: its words may hold values.
        text = f"the batch could not be made ready to go: {type(error).__name__}"
        raise NotReached("not-ready", text, "run 'diffgram-home check'; tell the vendor if it lasts") from error


def _open(host: str, port: int, exchange: _Exchange) -> socket.socket:
    """A connected plain socket to one address of `host`, tried in the resolver's order."""
    addresses = _addresses(host, port, exchange)
    for position, (family, kind, protocol, _, address) in enumerate(addresses):
        last = position + 1 == len(addresses)
        sock = socket.socket(family, kind, protocol)
        try:
            exchange.watch(sock)
            sock.settimeout(exchange.left_s() if last else min(exchange.left_s(), _ADDRESS_LIMIT_S))
            sock.connect(address)
        except OSError:
            sock.close()
            if last or exchange.ended:
                raise
            continue
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.settimeout(exchange.left_s())
        return sock
    raise socket.gaierror(socket.EAI_NONAME, "no address")


def _addresses(host: str, port: int, exchange: _Exchange) -> list[tuple]:
    """The addresses of `host`. A resolver has no time limit of its own, so it runs beside us and may be left behind."""
    try:
        numeric = ipaddress.ip_address(host)
    except ValueError:
        threading.Thread(target=_look_up, args=(host, port, exchange.names), daemon=True).start()
        found = exchange.names.get()  # the exchange's clock puts None here at its end
        if found is None:
            raise TimeoutError("no answer from the resolver") from None
        if isinstance(found, OSError):
            raise found from None
        return found
    family = socket.AF_INET6 if numeric.version == 6 else socket.AF_INET
    return [(family, socket.SOCK_STREAM, 0, "", (host, port))]


def _look_up(host: str, port: int, names: queue.SimpleQueue[list[tuple] | OSError | None]) -> None:
    try:
        names.put(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    except OSError as error:
        names.put(error)
    except UnicodeError:  # a label that cannot be a host name
        names.put(socket.gaierror(socket.EAI_NONAME, "not a host name"))


def _ask(
    connection: _Connection,
    exchange: _Exchange,
    method: str,
    target: str,
    body: bytes | None,
    headers: Mapping[str, str],
) -> Answer:
    fixed = {"User-Agent": "diffgram-home", "Accept-Encoding": "identity"}
    with _may_have_left(exchange, connection):
        # A server may answer (413, say) and close before it has read the body: its answer still counts.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError, ssl.SSLEOFError):
            connection.request(
                method, target, body=body, headers={**fixed, **headers}, preload_content=False, decode_content=False
            )
        response = connection.getresponse()
        received = _received(response)
        if exchange.ended:  # the clock cut it: without a length in its head a cut answer looks whole
            raise TimeoutError
    return Answer(response.status, received, retry_after_s(response.headers.get("Retry-After"), datetime.now(UTC)))


def _received(response: HTTPResponse) -> bytes:
    """The whole body. Asked until there is no more: only then does urllib3 compare with the announced length."""
    parts, size = [], 0
    while part := response.read(65_536):
        parts.append(part)
        size += len(part)
        if size > ANSWER_LIMIT_BYTES:
            raise Unknown(
                "answer-too-large",
                f"the answer is longer than {ANSWER_LIMIT_BYTES} bytes",
                "something other than corporate may be answering; look at [corporate] url and any proxy",
            )
    return b"".join(parts)


@contextlib.contextmanager
def _nothing_left(exchange: _Exchange, host: str) -> Iterator[None]:
    """Everything up to the end of the handshake: whatever fails here, nothing of the body has left."""
    try:
        yield
    except (OSError, HTTPError, http.client.HTTPException, ValueError) as error:
        raise NotReached(*_explained(error, exchange, host)) from error


@contextlib.contextmanager
def _may_have_left(exchange: _Exchange, connection: _Connection) -> Iterator[None]:
    """From the first byte of the request on: whatever fails here, the body may be at corporate."""
    try:
        yield
    except (OSError, HTTPError, http.client.HTTPException, ValueError) as error:
        raise Unknown(*_explained(error, exchange, connection.host)) from error


def _explained(error: Exception, exchange: _Exchange, host: str) -> tuple[str, str, str]:
    """Code, message and hint for `error`. An answer's own words are not passed on: they may hold anything."""
    cause = _root(error)
    if exchange.ended == "stopped":
        return "stopped", "the exchange was ended because this process stops", "nothing to do; it is tried again"
    if exchange.ended == "too-slow" or isinstance(cause, TimeoutError):
        hint = "look at the network between here and there, or raise [corporate] timeout_s"
        return "too-slow", f"no complete answer from '{host}' in time", hint
    if isinstance(cause, ssl.SSLError):
        return _tls_explained(cause, host)
    if isinstance(cause, socket.gaierror):
        return "name-not-found", f"the name '{host}' was not found", "look at [corporate] url and the name service"
    if isinstance(cause, ConnectionRefusedError):
        return "connection-refused", f"'{host}' refused the connection", "is corporate running? look at [corporate] url"
    if isinstance(cause, OSError) and str(cause).startswith("Tunnel connection failed"):
        return "proxy-refused", "the proxy refused the connection", "let the proxy pass it; see 'diffgram-home egress'"
    if isinstance(cause, http.client.IncompleteRead):
        return "answer-cut", f"the answer of '{host}' ended before its end", "it is tried again; look at the network"
    if isinstance(cause, OSError):
        return "connection-lost", f"the connection to '{host}' was lost", "it is tried again; look at the network"
    return (
        "answer-malformed",
        f"'{host}' did not answer in HTTP",
        "something else may listen there; see [corporate] url",
    )


_OUR_CERTIFICATE = (
    "CERTIFICATE_EXPIRED",
    "CERTIFICATE_UNKNOWN",
    "BAD_CERTIFICATE",
    "UNKNOWN_CA",
    "CERTIFICATE_REQUIRED",
)


def _tls_explained(cause: ssl.SSLError, host: str) -> tuple[str, str, str]:
    if isinstance(cause, ssl.SSLCertVerificationError):
        message = f"the certificate of '{host}' is not to be trusted: {cause.verify_message}"
        hint = "ask corporate; behind a proxy that inspects TLS set [corporate] ca_file; look at this machine's clock"
        return "certificate-wrong", message, hint
    reason = cause.reason or ""
    if "ALERT" in reason and reason.endswith(_OUR_CERTIFICATE):
        hint = "the next attempt shows none; corporate then sends a fresh one"
        return CERTIFICATE_NOT_ACCEPTED, f"'{host}' did not accept this installation's certificate", hint
    return "tls-failed", f"no TLS connection with '{host}'", "is it the right port? look at [corporate] url and proxies"


def _root(error: BaseException) -> BaseException:
    """What really happened below urllib3's and http.client's wrapping."""
    while isinstance(error, HTTPError) and (error.__cause__ or error.__context__) is not None:
        error = error.__cause__ or error.__context__  # type: ignore[assignment]
    return error


def _unverified() -> ssl.SSLContext:
    context = _context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _verified(trust: Trust, identity: Identity | None) -> ssl.SSLContext:
    """A context that trusts what `trust` says and nothing else; shows the certificate of `identity` if it has one."""
    shown = identity.certificate_file if identity is not None else None
    context = _context()
    with _usable([file for file in (shown, trust.ca_file) if file]):
        for certificate in trust.certificates:
            context.load_verify_locations(cadata=certificate)
        if trust.ca_file is not None:
            context.load_verify_locations(cafile=trust.ca_file)
        if trust.system:
            context.load_default_certs()
        if identity is not None and shown is not None:
            context.load_cert_chain(shown, identity.key_file)
    return context


@contextlib.contextmanager
def _usable(files: Sequence[Path]) -> Iterator[None]:
    """Trouble with a file that TLS needs is told as what it is: nothing was opened, and nothing left."""
    try:
        yield
    except OSError as error:  # ssl.SSLError is one
        named = " or ".join(f"'{file}'" for file in files) or "the authority in the manifest"
        hint = "restore [corporate] ca_file or its permissions; for certificate.pem run 'diffgram-home enrol --again'"
        raise NotReached("certificate-file", f"{named} cannot be used for TLS", hint) from error


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # verifies, and checks the host name, unless told otherwise
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _proxy_headers(user: str | None, password: str | None) -> dict[str, str]:
    if user is None:
        return {}
    pair = f"{unquote(user)}:{unquote(password or '')}".encode()
    return {"Proxy-Authorization": f"Basic {base64.b64encode(pair).decode()}"}
