"""The door: the only module that may open a connection to the outside.

It does these things and no others: fetch corporate's manifest (nothing of ours in it), hand in an enrolment, post one
sealed batch, post one request that a person saw; and for the customer, where the settings name a place for checkpoints,
give one to a witness or a line to this machine's syslog. There is no function that posts whatever bytes a caller has.

It leaves to others what to send and when (sending.py), what an answer means (sending.py, enrolment.py), and what may be
contacted (egress.py).

Its rules:

- A host and port outside the egress registry is refused before a name is looked up.
- A batch passes `audit.gate.check` here, on the exact bytes, under the rules of this moment, before anything is opened
  and again if the rules changed while the connection was made. Callers cannot skip it. A request passes
  `audit.gate.check_request` the same way, and goes to the one path of its kind.
- The time limit is for the whole exchange, names included: a server that drips a byte a second gains nothing. Answers
  have a size limit. No redirects, no retries, no environment variables.
- A connection is kept only within `round`, from an exchange that went well to the next one under the same trust and
  identity, for seconds. Each exchange has its own permit, gate, signature and time limit, kept connection or not.
- What went wrong says which side of the first byte it was (exchange.py).
"""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import json
import queue
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from pathlib import Path
from time import monotonic
from typing import Any

import msgspec
import zstandard
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from urllib3.connection import HTTPSConnection
from urllib3.exceptions import HTTPError

from audit import checkpoint, gate, proof, signed
from audit.errors import Refused
from diffgram_home import exchange, route, tripwire
from diffgram_home.deadline import STOPPED, TOO_SLOW, Deadline
from diffgram_home.egress import Destination
from diffgram_home.exchange import CERTIFICATE_NOT_ACCEPTED, Answer, Enrolment, Identity, NotReached, Trust, Unknown

_ADDRESS_LIMIT_S = 5.0  # for one of several addresses of a name, so that a dead one leaves time for the others
_OUR_CERTIFICATE = (
    "CERTIFICATE_EXPIRED",
    "CERTIFICATE_UNKNOWN",
    "BAD_CERTIFICATE",
    "UNKNOWN_CA",
    "CERTIFICATE_REQUIRED",
)
_CODES: tuple[tuple[type[BaseException], str], ...] = (
    (TimeoutError, TOO_SLOW),
    (socket.gaierror, "name-not-found"),
    (ConnectionRefusedError, "connection-refused"),
    (OSError, "connection-lost"),
    (http.client.IncompleteRead, "answer-cut"),
)
_AUTHPRIV_NOTICE = 10 * 8 + 5  # RFC 5424, 6.2.1
_HEADERS = {"User-Agent": "diffgram-home", "Accept-Encoding": "identity"}
_KEPT_S = 2.0  # how long a connection may lie idle between two exchanges of a round
_ENCODER, _DECODER = msgspec.json.Encoder(), msgspec.json.Decoder()
_CODEC = gate.Codec(_ENCODER.encode, _DECODER.decode, _ENCODER.encode_lines, _DECODER.decode_lines)


class _Connection(HTTPSConnection):
    """An HTTPS connection over a socket that the door opened: urllib3 looks no name up and chooses no address."""

    opened: socket.socket

    def _new_conn(self) -> socket.socket:
        return self.opened


@dataclass(frozen=True, slots=True)
class _Request:
    """What is asked for. `content` gives the body at the last moment, when the connection stands."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    content: Callable[[], bytes] | None = None


@dataclass(slots=True)
class _Line:
    """A connection to corporate, the TLS context it was made with, and a duplicate of its plain socket.

    The duplicate is what a deadline shuts: TLS takes the first one over, and `SSLSocket.shutdown` would drop the TLS
    layer and let the waiting reader take what is left for plain text.
    """

    connection: _Connection
    context: ssl.SSLContext
    plain: socket.socket
    free_at: float | None = None

    def cut(self) -> None:
        """End it under whoever waits on it."""
        self.plain.shutdown(socket.SHUT_RDWR)

    def is_fresh(self) -> bool:
        """Whether it can carry another exchange: still open, nothing on it that nobody asked for, not kept for long.

        A server that closes it in this very moment leaves the next exchange `unknown`; the limit keeps that rare.
        """
        if self.free_at is None or monotonic() - self.free_at > _KEPT_S:
            return False
        return self.connection.is_connected and not self.connection.sock.pending()

    def close(self) -> None:
        self.connection.close()
        self.plain.close()


_MANIFEST = _Request("GET", "/v1/manifest")


class _Way:
    """One exchange at a time with what stands at the end of a route, and an end to it when told to stop."""

    def __init__(self, way: route.Route, timeout_s: float) -> None:
        self._route = way
        self._timeout_s = timeout_s
        self._current: Deadline | None = None
        self._stopped = False
        self._keeps = False
        self._line: _Line | None = None

    @property
    def destination(self) -> str:
        """Its `host:port`, as the ledger names it."""
        return self._route.destination

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

    def _exchange(self, request: _Request, context: ssl.SSLContext) -> Answer:
        self._route.permit()
        deadline = self._begin()
        line = None
        try:
            line = self._kept(deadline, context) or self._connected(deadline, context)
            answer = _ask(line, deadline, self._route.base, request)
            if self._keeps and answer.status == HTTPStatus.OK and line.free_at is not None:
                self._line = line
            return answer
        finally:
            self._current = None
            deadline.close()
            if line is not None and line is not self._line:
                line.close()

    def _begin(self) -> Deadline:
        deadline = self._current = Deadline(self._timeout_s)
        if self._stopped:
            deadline.end(STOPPED)
        return deadline

    def _kept(self, deadline: Deadline, context: ssl.SSLContext) -> _Line | None:
        """The connection of the exchange before, if it will do."""
        line = self._line
        if line is None or line.context is not context or deadline.ended or not line.is_fresh():
            self._hang_up()
            return None
        self._line = None
        deadline.watch(line.cut)
        line.connection.timeout = deadline.left_s()
        return line

    def _hang_up(self) -> None:
        if self._line is not None:
            self._line.close()
            self._line = None

    def _connected(self, deadline: Deadline, context: ssl.SSLContext) -> _Line:
        near, port = self._route.near
        connection = _Connection(near, port, ssl_context=context, timeout=deadline.left_s())
        if self._route.proxy is not None:
            connection.set_tunnel(self._route.host, self._route.port, headers=dict(self._route.proxy_headers))
        with _told_as(NotReached, deadline, self._route.host), contextlib.ExitStack() as undoing:
            connection.opened, plain = _open(near, port, deadline)
            line = _Line(connection, context, plain)
            undoing.callback(line.close)
            undoing.callback(deadline.forget)
            connection.connect()
            undoing.pop_all()
        return line


class WitnessDoor(_Way):
    """The way out to the one witness that the customer named: checkpoints of this ledger go there, and nothing else."""

    def __init__(self, url: str, *, registry: tuple[Destination, ...], timeout_s: float) -> None:
        super().__init__(route.to(url, None, registry), timeout_s)

    def add_checkpoint(
        self, old: int, path: Sequence[bytes], note: str, name: str, public: Ed25519PublicKey, trust: Trust
    ) -> Answer:
        """Post a checkpoint that the key `name` signed, with the proof that the ledger grew from `old` records.

        c2sp.org/tlog-witness. Raises NotReached, Unknown; SignatureRefused for a note of another key.
        """
        checkpoint.verify(note, name, public)
        body = proof.consistency(old, path, note).encode()
        headers = {"Content-Type": "text/plain; charset=utf-8"}
        return self._exchange(_Request("POST", "/add-checkpoint", headers, lambda: body), _verified(trust, None))


class Door(_Way):
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
        super().__init__(route.to(url, proxy, registry), timeout_s)
        self._rules = rules
        self._compressor = zstandard.ZstdCompressor(level=1)  # bodies.LEVEL says why
        self._contexts: dict[object, ssl.SSLContext] = {}

    def fetch_manifest(self, trust: Trust) -> Answer:
        """Corporate's manifest over a verified connection. Raises NotReached, Unknown."""
        return self._exchange(_MANIFEST, _verified(trust, None))

    def fetch_manifest_unverified(self) -> Answer:
        """Corporate's manifest from whoever answers: worthless until checked against the pinned root.

        Sends nothing of the installation: no certificate, no body. Raises NotReached, Unknown.
        """
        return self._exchange(_MANIFEST, _unverified())

    def fetch_catalogues(self, first: int, trust: Trust) -> Answer:
        """A stretch of corporate's published list, from entry `first` on. Raises NotReached, Unknown."""
        return self._exchange(_Request("GET", exchange.catalogues(first)), _verified(trust, None))

    def enrol(self, enrolment: Enrolment, trust: Trust) -> Answer:
        """Hand in `enrolment` over a verified connection. Raises NotReached, Unknown."""
        body = msgspec.json.encode(enrolment)
        headers = {"Content-Type": "application/json"}
        return self._exchange(_Request("POST", "/v1/enrolment", headers, lambda: body), _verified(trust, None))

    def send_batch(self, body: bytes, generation: int, identity: Identity, trust: Trust, *, now: datetime) -> Answer:
        """Post the sealed batch `body`, sealed under the store's `generation`, once, if it may leave `now`.

        Raises audit's Refused (nothing left, nothing was opened), NotReached, Unknown.
        """
        with exchange.nothing_left():
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
            with exchange.nothing_left():
                latest = self._rules()
                if latest is not rules:
                    self._check(body, latest, generation, identity, now)
            return packed

        return self._exchange(_Request("POST", "/v1/batches", headers, content), context)

    @contextlib.contextmanager
    def round(self) -> Iterator[None]:
        """Keep the connection from one exchange to the next until the end of the block, where it is closed."""
        self._keeps = True
        try:
            yield
        finally:
            self._keeps = False
            self._hang_up()

    def send_request(self, body: bytes, identity: Identity, trust: Trust) -> Answer:
        """Post the request `body` once, to the path of its kind. Modes play no part: a person asked for it.

        Raises audit's Refused (nothing left, nothing was opened), NotReached, Unknown.
        """
        with exchange.nothing_left():
            asked = gate.check_request(body, self._rules().catalogue)
            if asked.installation != identity.installation:
                raise exchange.other_installation("request")
            signature = signed.sign(body, identity.key, signed.REQUEST, detached=True)
            context = self._context_for(trust, identity)
        headers = {"Content-Type": "application/x-ndjson", "Diffgram-Signature": signature}
        return self._exchange(_Request("POST", exchange.REQUESTS[asked.kind], headers, lambda: body), context)

    def _context_for(self, trust: Trust, identity: Identity) -> ssl.SSLContext:
        """The context of the last batch while no file of it changed: loading them costs a millisecond."""
        files = [file for file in (identity.certificate_file, trust.ca_file) if file]
        with exchange.usable(files):
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
            raise exchange.other_installation("batch")


def log_checkpoint(path: Path, note: str) -> None:
    """Give a checkpoint to the syslog of this machine that listens on `path`, as one line of JSON.

    `jq -r .checkpoint` gives it back. Waits for nobody. Raises OSError when nobody takes it.
    """
    line = f"<{_AUTHPRIV_NOTICE}>diffgram-home: " + json.dumps({"checkpoint": note})
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as log, tripwire.connecting(str(path)):
        log.setblocking(False)
        log.connect(str(path))
        log.send(line.encode())


def _open(host: str, port: int, deadline: Deadline) -> tuple[socket.socket, socket.socket]:
    """A connected plain socket to one address of `host`, tried in the resolver's order; and a duplicate of it."""
    addresses = _addresses(host, port, deadline)
    for position, (family, kind, protocol, _, address) in enumerate(addresses):
        last = position + 1 == len(addresses)
        sock = socket.socket(family, kind, protocol)
        plain = sock.dup()
        try:
            deadline.watch(partial(plain.shutdown, socket.SHUT_RDWR))
            sock.settimeout(deadline.left_s() if last else min(deadline.left_s(), _ADDRESS_LIMIT_S))
            with tripwire.connecting(address):
                sock.connect(address)
        except OSError:
            deadline.forget()
            plain.close()
            sock.close()
            if last or deadline.ended:
                raise
            continue
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.settimeout(deadline.left_s())
        return sock, plain
    raise socket.gaierror(socket.EAI_NONAME, "no address")


def addresses(host: str, port: int, timeout_s: float) -> list[str]:
    """The addresses of `host` as this machine's resolver says, for the kernel's list. Raises NotReached."""
    deadline = Deadline(timeout_s)
    try:
        with _told_as(NotReached, deadline, host):
            return list(dict.fromkeys(str(found[4][0]) for found in _addresses(host, port, deadline)))
    finally:
        deadline.close()


def _addresses(host: str, port: int, deadline: Deadline) -> list[tuple]:
    """The addresses of `host`. A resolver has no time limit of its own, so it runs beside us and may be left behind."""
    try:
        numeric = ipaddress.ip_address(host)
    except ValueError:
        threading.Thread(target=_look_up, args=(host, port, deadline.names), daemon=True).start()
        found = deadline.names.get()  # the deadline puts None here at its end
        if found is None:
            raise TimeoutError("no answer from the resolver") from None
        if isinstance(found, OSError):
            raise found from None
        return found
    family = socket.AF_INET6 if numeric.version == 6 else socket.AF_INET
    return [(family, socket.SOCK_STREAM, 0, "", (host, port))]


def _look_up(host: str, port: int, names: queue.SimpleQueue[Any]) -> None:
    try:
        with tripwire.looking_up(host, port):
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        names.put(found)
    except OSError as error:
        names.put(error)
    except UnicodeError:  # a label that cannot be a host name
        names.put(socket.gaierror(socket.EAI_NONAME, "not a host name"))


def _ask(line: _Line, deadline: Deadline, base: str, request: _Request) -> Answer:
    body = request.content() if request.content else None
    target, headers = base + request.path, {**_HEADERS, **request.headers}
    connection, sent = line.connection, False
    with _told_as(Unknown, deadline, connection.host):
        # A server may answer (413, say) and close before it has read the body: its answer still counts.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError, ssl.SSLEOFError):
            connection.request(
                request.method, target, body=body, headers=headers, preload_content=False, decode_content=False
            )
            sent = True
        response = connection.getresponse()
        received = exchange.whole(response.read)
        if deadline.ended:  # the clock cut it: without a length in its head a cut answer looks whole
            raise TimeoutError
    line.free_at = monotonic() if sent and connection.sock is not None else None  # it is None where the server closes
    asked = exchange.retry_after_s(response.headers.get("Retry-After"), datetime.now(UTC))
    return Answer(response.status, received, asked)


@contextlib.contextmanager
def _told_as(kind: type[NotReached | Unknown], deadline: Deadline, host: str) -> Iterator[None]:
    """Up to the end of the handshake nothing of the body has left: NotReached. From the first byte on: Unknown."""
    try:
        yield
    except (OSError, HTTPError, http.client.HTTPException, ValueError) as error:
        raise kind(*_explained(error, deadline, host)) from error


def _explained(error: Exception, deadline: Deadline, host: str) -> tuple[str, str, str]:
    """Code, message and hint for `error`. An answer's own words are not passed on: they may hold anything."""
    cause = _root(error)
    if deadline.ended is not None:
        return exchange.told(deadline.ended, host)
    if isinstance(cause, ssl.SSLCertVerificationError):
        return exchange.told("certificate-wrong", host, cause.verify_message)
    return exchange.told(_code(cause), host)


def _code(cause: BaseException) -> str:
    if isinstance(cause, ssl.SSLError):
        reason = cause.reason or ""
        ours = "ALERT" in reason and reason.endswith(_OUR_CERTIFICATE)
        return CERTIFICATE_NOT_ACCEPTED if ours else "tls-failed"
    if isinstance(cause, OSError) and str(cause).startswith("Tunnel connection failed"):
        return "proxy-refused"
    return next((code for kind, code in _CODES if isinstance(cause, kind)), "answer-malformed")


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
