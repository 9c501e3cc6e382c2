"""What was on the wire and what the ledger says, side by side. Values in, findings out; opens nothing.

The chain that must hold without a gap: every packet belongs to the pages, to a look-up of corporate's name, or to a
connection to corporate; the bytes of each connection, put together from the packets, are the bytes that TLS was ended
on; the plain bytes are whole requests and nothing else; each request has its leaf, in order, and the body of each batch
is, byte for byte, what the ledger keeps. An enrolment's leaf has no bytes, since its token is to stand nowhere: of it
the names of its members are compared.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

HEADERS = frozenset(
    {
        "host",
        "user-agent",
        "accept",
        "accept-encoding",
        "connection",
        "content-type",
        "content-length",
        "content-encoding",
        "diffgram-signature",
    }
)
"""Names of header fields that the catalogue's envelope declares; any other is a finding."""

ENROLMENT = "POST /v1/enrolment"

NOT_PROVED = (
    "that the live installation did the same at any other time: a fresh one ran here, of the same program, catalogue,"
    " index and corporate, with its own keys, on SQLite, and without your proxy",
    "what the product itself sends: only the installation's processes ran here",
    "that nothing leaves without a packet: by a shared folder, a device, a Unix socket, or a file that is carried",
    "what code does that knows that it is watched, or waits for another day",
    "what corporate does with what it receives: a stand-in with its own keys answered here, so that TLS could be read",
)


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet as it was sent. `sequence`, `opens` (SYN) and `payload` are TCP's; `protocol` is tcp, udp or other."""

    protocol: str
    source: str
    source_port: int
    target: str
    target_port: int
    size_bytes: int
    sequence: int = 0
    opens: bool = False
    payload: bytes = b""


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request after TLS: method and path, header fields, the body before its Content-Encoding."""

    line: str
    headers: dict[str, str]
    body: bytes
    size_bytes: int


@dataclass(slots=True)
class Connection:
    """One connection to the stand-in, by the port that it came from: bytes as they came, and what they were."""

    port: int
    received: bytearray = field(default_factory=bytearray)
    plain_bytes: int = 0
    secure: bool = False
    ended: bool = False
    requests: list[Request] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Places:
    """Where packets may go: pages, corporate, name server, each (address, port); and corporate's name."""

    pages: tuple[str, int]
    corporate: tuple[str, int]
    names: tuple[str, int]
    host: str


@dataclass(frozen=True, slots=True)
class Recorded:
    """What the ledger says: (request, body or None) of each attempt, contact and enrolment, in order."""

    requests: Sequence[tuple[str, bytes | None]]


@dataclass(frozen=True, slots=True)
class Found:
    """The result. `findings` are sentences; it holds when there are none."""

    packets: int
    connections: int
    wire_bytes: int
    requests: dict[str, int]
    same_batches: int
    findings: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Whether nothing was found."""
        return not self.findings


def compare(
    packets: Sequence[Packet],
    connections: Sequence[Connection],
    asked: Sequence[str],
    recorded: Recorded,
    places: Places,
    *,
    lost: int = 0,
) -> Found:
    """Put all of it side by side."""
    requests = [request for connection in connections for request in connection.requests]
    findings = [
        *([f"{lost} packets were not recorded: the machine was too busy; run it again"] if lost else []),
        *_strays(packets, places),
        *_names(asked, places),
        *_streams(packets, connections, places),
        *_heads(requests),
        *_bodies(requests, recorded),
    ]
    pairs = zip(requests, recorded.requests, strict=False)
    return Found(
        packets=len(packets),
        connections=len(connections),
        wire_bytes=sum(len(connection.received) for connection in connections),
        requests=dict(Counter(request.line for request in requests)),
        same_batches=sum(bool(r.body) and r.body == had for r, (_, had) in pairs),
        findings=tuple(findings),
    )


def strays(packets: Sequence[Packet], places: Places) -> Counter[str]:
    """Packets that neither go to nor come from where they may, counted by protocol and target."""
    declared = {("tcp", *places.pages), ("tcp", *places.corporate), ("udp", *places.names)}
    return Counter(
        f"{one.protocol} {one.source} > {one.target} port {one.target_port}"
        for one in packets
        if (one.protocol, one.target, one.target_port) not in declared
        and (one.protocol, one.source, one.source_port) not in declared
    )


def beyond_the_pages(packets: Sequence[Packet], places: Places) -> int:
    """Packets that are not of the pages, such as none while all is off."""
    return sum(places.pages not in ((p.source, p.source_port), (p.target, p.target_port)) for p in packets)


def _strays(packets: Sequence[Packet], places: Places) -> Iterator[str]:
    for what, count in strays(packets, places).items():
        yield f"{count} packets that nothing declares: {what}"


def _names(asked: Sequence[str], places: Places) -> Iterator[str]:
    for name, count in Counter(name.lower() for name in asked).items():
        if name != places.host.lower():
            yield f"a name that is not corporate's was looked up {count} times: {name!r}"


def _streams(packets: Sequence[Packet], connections: Sequence[Connection], places: Places) -> Iterator[str]:
    """Each connection's bytes from the packets must be those that TLS was ended on, and these whole requests."""
    sent = _put_together(packets, places)
    for connection in connections:
        wire = sent.pop(connection.port, b"")
        if wire != bytes(connection.received):
            yield f"{len(wire)} bytes on the wire, {len(connection.received)} at the other end of the connection"
        if not connection.secure and wire:
            yield f"{len(wire)} bytes were sent to corporate's address outside TLS"
        beside = connection.plain_bytes - sum(request.size_bytes for request in connection.requests)
        if beside:
            yield f"{beside} bytes inside TLS that are no part of a request"
    for wire in filter(None, sent.values()):
        yield f"{len(wire)} bytes were sent to corporate's address in a connection that it did not see"


def _put_together(packets: Sequence[Packet], places: Places) -> dict[int, bytes]:
    """Client's port -> what it sent to corporate's address, in the order of TCP's sequence numbers."""
    begins: dict[int, int] = {}
    parts: dict[int, dict[int, bytes]] = {}
    for one in packets:
        if one.protocol != "tcp" or (one.target, one.target_port) != places.corporate:
            continue
        if one.opens:
            begins[one.source_port] = one.sequence + 1
        elif one.payload and one.source_port in begins:
            offset = (one.sequence - begins[one.source_port]) % 2**32
            kept = parts.setdefault(one.source_port, {})
            kept[offset] = max(kept.get(offset, b""), one.payload, key=len)
    return {port: _joined(parts.get(port, {})) for port in begins}


def _joined(parts: dict[int, bytes]) -> bytes:
    whole = bytearray()
    for offset in sorted(parts):
        if offset <= len(whole):
            whole[offset : offset + len(parts[offset])] = parts[offset]
    return bytes(whole)


def _heads(requests: Sequence[Request]) -> Iterator[str]:
    for name, count in Counter(name for request in requests for name in request.headers).items():
        if name not in HEADERS:
            yield f"a header field that the envelope does not declare was sent {count} times: {name!r}"


def _bodies(requests: Sequence[Request], recorded: Recorded) -> Iterator[str]:
    """Requests on the wire and in the ledger, one by one in their order."""
    for position, request in enumerate(requests):
        if request.line == ENROLMENT and (beside := _beside_enrolment(request.body)):
            yield f"{request.line} carried more than it declares: {', '.join(map(repr, beside))}"
        if position >= len(recorded.requests):
            yield f"{request.line} with {len(request.body)} bytes of body left, and the ledger has nothing of it"
            continue
        line, body = recorded.requests[position]
        if line != request.line:
            yield f"{request.line} left where the ledger has {line}"
        elif body is not None and body != request.body:
            yield f"{request.line}: {len(request.body)} bytes left, and they are not the {len(body)} in the ledger"
    for line, _ in recorded.requests[len(requests) :]:
        yield f"the ledger has {line}, and nothing of it was on the wire"


def _beside_enrolment(body: bytes) -> list[str]:
    """What is in an enrolment beside token, identifier and signing request; its token stands nowhere."""
    try:
        return sorted(set(json.loads(body)) - {"token", "installation", "csr"})
    except (ValueError, TypeError):
        return ["what is no JSON object"]
