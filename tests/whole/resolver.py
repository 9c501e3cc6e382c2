"""A name server that knows one address: it answers every question of type A with it, and all others with nothing.

`python resolver.py ADDRESS_TO_LISTEN_ON ADDRESS_TO_ANSWER`. Says `answering` when it has begun.
"""

import socket
import struct
import sys


def answer(question: bytes, address: str) -> bytes:
    """Return the answer to a question of one name (RFC 1035 4.1)."""
    end = 12
    while question[end]:
        end += question[end] + 1
    asked = question[12 : end + 5]
    kind = struct.unpack("!H", question[end + 1 : end + 3])[0]
    record = b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 1, 4) + socket.inet_aton(address) if kind == 1 else b""
    return question[:2] + struct.pack("!HHHHH", 0x8580, 1, int(kind == 1), 0, 0) + asked + record


def main(listen: str, address: str) -> None:
    """Answer until killed."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind((listen, 53))
        print("answering", flush=True)
        while True:
            question, asker = server.recvfrom(4096)
            server.sendto(answer(question, address), asker)


if __name__ == "__main__":
    main(*sys.argv[1:])
