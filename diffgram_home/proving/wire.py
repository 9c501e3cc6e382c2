"""The sockets of a proof: every packet, the name service, corporate's TLS, where every address ends on this machine.

It records and answers; what it means is left to `comparing`. Rules:

- A packet is recorded when it is sent, by whatever process, to whatever address; how many the kernel lost is told.
- A connection's bytes are kept twice, as they came over the wire and as they were after TLS, so that the comparison can
  show that the one is the other and nothing beside.
"""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Mapping
from typing import Any

import zstandard

from diffgram_home.proving.comparing import Connection, Packet, Request
from diffgram_home.proving.standin import StandIn

_ALL, _OUTGOING, _ETHERNET = 0x0003, 4, 14
_SOL_PACKET, _STATISTICS, _BUFFER = 263, 6, 64 * 1024 * 1024
_IPV4, _IPV6, _TCP, _UDP = 0x0800, 0x86DD, 6, 17
_LONGEST_BODY = 64 * 1024 * 1024


class Recorder:
    """Every packet of the namespace, from now on."""

    def __init__(self) -> None:
        self.packets: list[Packet] = []
        self._lost = 0
        self._tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ALL))
        with contextlib.suppress(OSError):
            self._tap.setsockopt(socket.SOL_SOCKET, 33, _BUFFER)  # SO_RCVBUFFORCE, for root of the machine
        self._tap.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
        threading.Thread(target=self._record, daemon=True).start()

    def lost(self) -> int:
        """Packets that the kernel could not hand over so far; reading it sets the kernel's count back."""
        self._lost += struct.unpack("II", self._tap.getsockopt(_SOL_PACKET, _STATISTICS, 8))[1]
        return self._lost

    def _record(self) -> None:
        while True:
            data, (_, ethertype, direction, *_) = self._tap.recvfrom(1 << 18)
            if direction == _OUTGOING:
                self.packets.append(_packet(data[_ETHERNET:], ethertype))


def _packet(data: bytes, ethertype: int) -> Packet:
    if ethertype == _IPV4 and len(data) >= 20:
        protocol, begin = data[9], (data[0] & 15) * 4
        ends = (socket.inet_ntop(socket.AF_INET, data[12:16]), socket.inet_ntop(socket.AF_INET, data[16:20]))
        data = data[: struct.unpack("!H", data[2:4])[0] or len(data)]
    elif ethertype == _IPV6 and len(data) >= 40:
        protocol, begin = data[6], 40
        ends = (socket.inet_ntop(socket.AF_INET6, data[8:24]), socket.inet_ntop(socket.AF_INET6, data[24:40]))
    else:
        return Packet(f"ethertype {ethertype:#06x}", "", 0, "", 0, len(data))
    name = {_TCP: "tcp", _UDP: "udp"}.get(protocol)
    if name is None or len(data) < begin + 8:
        return Packet(f"protocol {protocol}", ends[0], 0, ends[1], 0, len(data))
    source, target = struct.unpack("!HH", data[begin : begin + 4])
    if name == "udp":
        return Packet(name, ends[0], source, ends[1], target, len(data), payload=data[begin + 8 :])
    sequence, header = struct.unpack("!I", data[begin + 4 : begin + 8])[0], (data[begin + 12] >> 4) * 4
    opens = bool(data[begin + 13] & 2)
    return Packet(name, ends[0], source, ends[1], target, len(data), sequence, opens, data[begin + header :])


def serve_names(address: str, host: str, answer: str, asked: list[str]) -> None:
    """A name server on `address` that knows `host` (an A record) and notes every name that it is asked for."""
    server = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((address, 53))

    def serve() -> None:
        while True:
            question, asker = server.recvfrom(4096)
            with contextlib.suppress(IndexError, struct.error, OSError):
                name, end = name_in(question)
                asked.append(name)
                kind = struct.unpack("!H", question[end + 1 : end + 3])[0]
                known = kind == 1 and name.lower() == host.lower()
                head = question[:2] + struct.pack("!HHHHH", 0x8580, 1, int(known), 0, 0) + question[12 : end + 5]
                record = b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 1, 4) + socket.inet_aton(answer)
                server.sendto(head + record if known else head, asker)

    threading.Thread(target=serve, daemon=True).start()


def name_in(question: bytes) -> tuple[str, int]:
    """The name that is asked for, and where it ends (RFC 1035 4.1.2)."""
    labels, position = [], 12
    while question[position]:
        labels.append(question[position + 1 : position + 1 + question[position]].decode("latin-1"))
        position += question[position] + 1
    return ".".join(labels), position


class Corporate:
    """The stand-in's listener: TLS ended here, each connection noted as it came and as it was meant."""

    def __init__(self, port: int, standin: StandIn) -> None:
        self.connections: list[Connection] = []
        self._standin = standin
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(standin.certificate)
        self._context.load_verify_locations(standin.authority)
        self._context.verify_mode = ssl.CERT_OPTIONAL
        both = socket.has_dualstack_ipv6()
        family = socket.AF_INET6 if both else socket.AF_INET
        self._listener = socket.create_server(("", port), family=family, dualstack_ipv6=both, backlog=64)
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            sock, peer = self._listener.accept()
            connection = Connection(peer[1])
            self.connections.append(connection)
            threading.Thread(target=self._attend, args=(sock, connection), daemon=True).start()

    def _attend(self, sock: socket.socket, connection: Connection) -> None:
        channel = _Channel(sock, self._context, connection)
        with contextlib.suppress(OSError, EOFError, ValueError):
            channel.run(channel.tls.do_handshake)
            connection.secure = True
            while request := _request(channel):
                connection.requests.append(request)
                channel.send(_http(*self._standin.answer(request.line, request.body)))
        with contextlib.suppress(OSError):  # to its very end: what comes after the last request counts, too
            while data := sock.recv(65536):
                connection.received += data
        connection.ended = True
        sock.close()


class _Channel:
    """TLS over a socket whose bytes are noted before they are decrypted."""

    def __init__(self, sock: socket.socket, context: ssl.SSLContext, connection: Connection) -> None:
        self._sock, self._connection = sock, connection
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self._in, self._out, server_side=True)
        self._plain = b""

    def run(self, step: Callable[[], Any]) -> Any:
        """Do a step of TLS, with as much of the wire as it needs. Raises EOFError at the end of the connection."""
        while True:
            try:
                return step()
            except ssl.SSLWantReadError:
                self._flush()
                data = self._sock.recv(65536)
                if not data:
                    raise EOFError from None
                self._connection.received += data
                self._in.write(data)
            finally:
                self._flush()

    def until(self, mark: bytes) -> bytes:
        """Plain bytes up to and with `mark`; empty at the end."""
        while mark not in self._plain:
            if not self._more():
                return b""
        found, _, self._plain = self._plain.partition(mark)
        return found + mark

    def exactly(self, count: int) -> bytes:
        """So many plain bytes, or fewer at the end."""
        while len(self._plain) < count and self._more():
            pass
        found, self._plain = self._plain[:count], self._plain[count:]
        return found

    def send(self, data: bytes) -> None:
        """Answer."""
        self.run(lambda: self.tls.write(data))

    def _more(self) -> bool:
        try:
            data = self.run(lambda: self.tls.read(65536))
        except (EOFError, ssl.SSLZeroReturnError):
            data = b""
        self._connection.plain_bytes += len(data)
        self._plain += data
        return bool(data)

    def _flush(self) -> None:
        if data := self._out.read():
            self._sock.sendall(data)


def _request(channel: _Channel) -> Request | None:
    head = channel.until(b"\r\n\r\n")
    if not head:
        return None
    first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    packed = channel.exactly(int(headers.get("content-length", "0")))
    body = packed
    if headers.get("content-encoding") == "zstd":
        body = zstandard.ZstdDecompressor().decompress(packed, max_output_size=_LONGEST_BODY)
    return Request(" ".join(first.split(" ")[:2]), headers, body, len(head) + len(packed))


def _http(status: int, answer: Mapping[str, Any]) -> bytes:
    data = json.dumps(answer).encode()
    head = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n"
    return f"{head}Connection: close\r\n\r\n".encode() + data
