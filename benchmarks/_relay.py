"""Counts the bytes that pass between an installation and corporate, TLS included: `python -m benchmarks._relay PORT`.

Listens on a port of its own, prints it, and passes each connection on to PORT of this machine. At the end of its
standard input it prints how many bytes came from the installation and how many went back to it.
"""

import socket
import sys
import threading

_counted = {"up": 0, "down": 0}
_lock = threading.Lock()


def _pass(source: socket.socket, target: socket.socket, way: str) -> None:
    try:
        while part := source.recv(65_536):
            with _lock:
                _counted[way] += len(part)
            target.sendall(part)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        return  # the other side has gone


def _serve(near: socket.socket, port: int) -> None:
    with near, socket.create_connection(("127.0.0.1", port)) as far:
        up = threading.Thread(target=_pass, args=(near, far, "up"), daemon=True)
        up.start()
        _pass(far, near, "down")
        up.join()


def _accept(listener: socket.socket, port: int) -> None:
    while True:
        near, _ = listener.accept()
        threading.Thread(target=_serve, args=(near, port), daemon=True).start()


def main() -> None:
    """Relay until standard input ends."""
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    threading.Thread(target=_accept, args=(listener, int(sys.argv[1])), daemon=True).start()
    sys.stdin.read()
    print(_counted["up"], _counted["down"], flush=True)


if __name__ == "__main__":
    main()
