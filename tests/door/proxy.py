"""A proxy as a customer has one: `python proxy.py [USER:PASSWORD]` prints its port, then one line for each CONNECT."""

from __future__ import annotations

import base64
import socket
import sys
import threading


def _pass_on(one: socket.socket, other: socket.socket) -> None:
    try:
        while data := one.recv(65536):
            other.sendall(data)
    except OSError:
        pass
    finally:
        for end in (one, other):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue


def _serve(client: socket.socket, wanted: str | None) -> None:
    stream = client.makefile("rb")
    first = stream.readline().decode("latin-1")
    head = [first]
    while (line := stream.readline().decode("latin-1")) not in ("\r\n", ""):
        head.append(line)
    asked = first.split(" ")[1]
    if wanted is not None and not any(line.strip().endswith(f"Basic {wanted}") for line in head):
        print("refused", flush=True)
        client.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
        client.close()
        return
    print(f"{first.split(' ')[0]} {asked}", flush=True)
    host, _, port = asked.rpartition(":")
    server = socket.create_connection((host, int(port)))
    client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    threading.Thread(target=_pass_on, args=(server, client), daemon=True).start()
    _pass_on(client, server)


def main() -> None:
    """Serve until killed."""
    wanted = base64.b64encode(sys.argv[1].encode()).decode() if len(sys.argv) > 1 else None
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    while True:
        client, _ = listener.accept()
        threading.Thread(target=_serve, args=(client, wanted), daemon=True).start()


if __name__ == "__main__":
    main()
