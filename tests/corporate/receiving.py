"""A webhook receiver that behaves, and misbehaves on request; it uses none of corporate's code.

`orders` say what to do with the next connection, in order: a status such as "500", "302", "429"; or

    silent      never a word              drip       a head that never ends, byte by byte
    continue    100 Continue for ever     garbage    no HTTP at all
    cut         the line ends at once     huge       a head without measure
"""

import contextlib
import queue
import socket
import threading
from typing import Any


class Receiver:
    """Listens on 127.0.0.1; `taken` are the requests as (head, body)."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, bytes]] = []
        self.orders: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.paths: list[str] = []
        self.heard = threading.Event()
        """Set when a request has come whole."""
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}/hook?to=ops"
        self._open: list[socket.socket] = []
        threading.Thread(target=self._serve, daemon=True).start()

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
            self._open.append(sock)
            threading.Thread(target=self._attend, args=(sock,), daemon=True).start()

    def _attend(self, sock: socket.socket) -> None:
        try:
            order = self.orders.get_nowait()
        except queue.Empty:
            order = "204"
        with contextlib.suppress(OSError, ValueError), sock, sock.makefile("rb") as file:
            if order == "cut":
                return
            self._take(file)
            self._answer(sock, order)

    def _take(self, file: Any) -> None:
        lines = []
        while (line := file.readline()) not in (b"\r\n", b""):
            lines.append(line.decode().rstrip())
        length = next((int(one.split(":")[1]) for one in lines if one.lower().startswith("content-length")), 0)
        self.paths.append(lines[0].split(" ")[1] if lines else "")
        self.taken.append(("\n".join(lines), file.read(length)))
        self.heard.set()

    def _answer(self, sock: socket.socket, order: str) -> None:
        if order == "silent":
            sock.recv(1)
        elif order == "continue":
            while True:
                sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        elif order == "drip":
            sock.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
            waiting = threading.Event()
            while not waiting.wait(0.05):
                sock.sendall(b"x")
        elif order == "huge":
            sock.sendall(b"HTTP/1.1 200 OK\r\n" + b"X: " + b"y" * 1_000_000)
        elif order == "garbage":
            sock.sendall(b"220 mail.shop.example ESMTP\r\n")
        else:
            more = f"Location: {self.url.replace('/hook', '/elsewhere')}\r\n" if order.startswith("3") else ""
            sock.sendall(f"HTTP/1.1 {order} so\r\n{more}Content-Length: 0\r\n\r\n".encode())
