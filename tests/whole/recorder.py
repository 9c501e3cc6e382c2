"""Records every packet on every interface of the host it runs on: one JSON line a packet, as it comes.

`python recorder.py FILE`. Says `recording` when it has begun. Ends by SIGTERM.
"""

import json
import socket
import struct
import sys

ALL_PROTOCOLS = 0x0003
IPV4 = 0x0800
HEADER = {"lo": 14}


def described(data: bytes, where: tuple[str, int, int, int, bytes]) -> dict[str, object]:
    """Return interface, protocol, addresses and ports of one frame."""
    interface, ethertype, direction = where[0], where[1], where[2]
    found: dict[str, object] = {"on": interface, "ethertype": ethertype, "outgoing": direction == 4}
    if ethertype == IPV4 and len(data) >= 34:
        packet = data[14:]
        length = (packet[0] & 15) * 4
        found |= {"protocol": packet[9], "from": socket.inet_ntoa(packet[12:16]), "to": socket.inet_ntoa(packet[16:20])}
        if packet[9] in (6, 17):
            found["ports"] = struct.unpack("!HH", packet[length : length + 4])
    return found


def main(path: str) -> None:
    """Record until killed."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ALL_PROTOCOLS)) as tap, open(path, "w") as out:
        print("recording", flush=True)
        while True:
            data, where = tap.recvfrom(65_535)
            out.write(json.dumps(described(data, where)) + "\n")
            out.flush()


if __name__ == "__main__":
    main(sys.argv[1])
