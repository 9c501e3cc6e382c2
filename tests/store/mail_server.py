"""A mail server (RFC 5321) that behaves, and misbehaves on request; it uses none of the installation's code.

`MailServer` runs in threads of the test on 127.0.0.1. `taken` are the letters it accepted as (sender, address, bytes),
`said` the commands of all connections. `orders` say what to do with the next connection, in order:

    refuse-address, refuse-letter     a permanent no at that step       later     451 to the letter, a temporary no
    silent, silent-after-letter       never another word                cut-after-letter, cut-in-letter  the line ends
    huge, endless                     a banner without measure          http      another protocol
    no-starttls, no-to-starttls       STARTTLS is not offered, refused   inject    words behind the answer to STARTTLS
    refuse-password                   a wrong password
"""

from __future__ import annotations

import base64
import contextlib
import queue
import socket
import ssl
import threading
from pathlib import Path
from typing import Any

import trustme


class MailServer:
    """Answers on `port` with a certificate of `ca_file`; `tls` is starttls, tls or none."""

    def __init__(self, folder: Path, tls: str = "starttls", name: str = "127.0.0.1") -> None:
        self.tls, self.taken, self.said, self.connections = tls, [], [], 0
        self.orders: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.connected, self.heard = threading.Event(), threading.Event()
        """Set when somebody has connected, and when a letter has come whole."""
        authority = trustme.CA()
        self.ca_file = folder / f"mail-ca-{tls}.pem"
        authority.cert_pem.write_to_path(str(self.ca_file))
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(name).configure_cert(self.context)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self._open: list[socket.socket] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def toml(self, *to: str, more: str = "") -> str:
        """The section of the settings that names it."""
        return (
            f'[mail]\nhost = "127.0.0.1"\nport = {self.port}\ntls = "{self.tls}"\nfrom = "home@shop.example"\n'
            f"to = {list(to or ('anna@shop.example',))}\n"
            + ("" if self.tls == "none" else f'ca_file = "{self.ca_file}"\n')
            + more
        )

    def close(self) -> None:
        """End it, and every connection."""
        self._listening.close()
        for one in self._open:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def _serve(self) -> None:
        while True:
            try:
                sock, _ = self._listening.accept()
            except OSError:
                return
            self.connections += 1
            self.connected.set()
            self._open.append(sock)
            threading.Thread(target=self._attend, args=(sock,), daemon=True).start()

    def _attend(self, sock: socket.socket) -> None:
        try:
            order = self.orders.get_nowait()
        except queue.Empty:
            order = ""
        with contextlib.suppress(OSError, ValueError), contextlib.ExitStack() as ending:
            ending.callback(sock.close)
            held = _Conversation(self, sock, order)
            ending.callback(held.close)
            held.hold()


class _Conversation:
    def __init__(self, server: MailServer, sock: socket.socket, order: str) -> None:
        self.server, self.order = server, order
        self.sock = server.context.wrap_socket(sock, server_side=True) if server.tls == "tls" else sock
        self.file: Any = self.sock.makefile("rb")
        self.sender, self.to = "", ""

    def close(self) -> None:
        self.file.close()
        self.sock.close()

    def say(self, text: str) -> None:
        self.sock.sendall(text.encode() + b"\r\n")

    def hold(self) -> None:
        if not self.greet():
            return None
        while line := self.file.readline(2000):
            words = line.decode("latin-1").rstrip("\r\n")
            self.server.said.append(words)
            verb = words.split(" ")[0].split(":")[0].upper()
            if verb == "QUIT":
                return self.say("221 bye")
            if self.answer(verb, words):
                return None
        return None

    def greet(self) -> bool:
        if self.order == "silent":
            self.sock.recv(1)
        elif self.order == "http":
            self.say("HTTP/1.1 400 Bad Request\r\n")
        elif self.order == "huge":
            self.say("220 " + "x" * 10_000_000)
        elif self.order == "endless":
            while True:
                self.say("220-" + "x" * 500)
        else:
            self.say("220 mail.shop.example")
            return True
        return False

    def answer(self, verb: str, words: str) -> bool:
        """Answer one command; True ends the connection."""
        if verb in ("EHLO", "HELO"):
            plain = self.server.tls == "starttls" and not isinstance(self.sock, ssl.SSLSocket)
            offers = "250-STARTTLS\r\n" if plain and self.order != "no-starttls" else ""
            self.say(f"250-mail.shop.example\r\n{offers}250-AUTH PLAIN\r\n250 8BITMIME")
        elif verb == "STARTTLS":
            return self.upgrade()
        elif verb == "AUTH":
            right = base64.b64encode(b"\0home@shop.example\0correct horse").decode()
            self.say("235 ok" if words.endswith(right) and self.order != "refuse-password" else "535 no")
        elif verb == "MAIL":
            self.sender = words.partition("<")[2].partition(">")[0]
            self.say("250 ok")
        elif verb == "RCPT":
            self.to = words.partition("<")[2].partition(">")[0]
            self.say("550 nobody" if self.order == "refuse-address" else "250 ok")
        elif verb == "DATA":
            return self.take()
        else:
            self.say("502 what")
        return False

    def upgrade(self) -> bool:
        if self.order == "no-to-starttls":
            self.say("454 not now")
            return False
        self.say("220 go" + ("\r\n250 injected\r\n250 injected" if self.order == "inject" else ""))
        self.file.close()
        self.sock = self.server.context.wrap_socket(self.sock, server_side=True)
        self.file = self.sock.makefile("rb")
        return False

    def take(self) -> bool:
        self.say("354 go on")
        if self.order == "cut-in-letter":
            self.file.readline()
            return True
        lines = []
        while (line := self.file.readline()) not in (b".\r\n", b""):
            lines.append(line[1:] if line.startswith(b".") else line)
        self.server.heard.set()
        if self.order == "cut-after-letter":
            return True
        if self.order == "silent-after-letter":
            self.file.readline()
            return True
        if self.order in ("refuse-letter", "later"):
            self.say("554 no" if self.order == "refuse-letter" else "451 later")
            return False
        self.server.taken.append((self.sender, self.to, b"".join(lines)))
        self.say("250 taken")
        return False
