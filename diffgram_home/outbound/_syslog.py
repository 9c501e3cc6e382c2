"""A line to the syslog of this machine. For the door only (`diffgram_home.outbound`)."""

from __future__ import annotations

import json
import socket
from pathlib import Path

from diffgram_home import tripwire

_AUTHPRIV_NOTICE = 10 * 8 + 5  # RFC 5424, 6.2.1


def log_checkpoint(path: Path, note: str) -> None:
    """Give a checkpoint to the syslog of this machine that listens on `path`, as one line of JSON.

    `jq -r .checkpoint` gives it back. Waits for nobody. Raises OSError when nobody takes it.
    """
    line = f"<{_AUTHPRIV_NOTICE}>diffgram-home: " + json.dumps({"checkpoint": note})
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as log, tripwire.connecting(str(path)):
        log.setblocking(False)
        log.connect(str(path))
        log.send(line.encode())
