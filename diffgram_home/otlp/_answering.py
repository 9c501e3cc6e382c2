"""The answers of OTLP/HTTP, in the form in which was asked: `ExportLogsServiceResponse`, or `google.rpc.Status`.

Both messages are two fields each, so that they are written here by hand; a text is one of ours, never of the sender's.
"""

from __future__ import annotations

import json
from typing import Final

from diffgram_home.front import Answer

PROTOBUF, JSON = "application/x-protobuf", "application/json"
CONTENT: Final = frozenset({PROTOBUF, JSON})
_REJECTED, _SAID, _PARTIAL, _MESSAGE = 1 << 3, 2 << 3 | 2, 1 << 3 | 2, 2 << 3 | 2


def taken(content: str, rejected: int = 0, said: str = "") -> Answer:
    """Return the answer to a request that was taken, but for `rejected` records, which `said` explains."""
    if content == JSON:
        partial = {"partialSuccess": {"rejectedLogRecords": str(rejected), "errorMessage": said}}
        return _answer(content, 200, json.dumps(partial if rejected else {}).encode())
    partly = _number(_REJECTED) + _number(rejected) + _bytes(_SAID, said.encode())
    return _answer(content, 200, _bytes(_PARTIAL, partly) if rejected else b"")


def refused(content: str, status: int, said: str) -> Answer:
    """Return the answer to a request of which nothing was taken."""
    if content == PROTOBUF:
        return _answer(content, status, _bytes(_MESSAGE, said.encode()))
    return _answer(JSON, status, json.dumps({"message": said}).encode())


def _answer(content: str, status: int, body: bytes) -> Answer:
    return Answer(status, body, mimetype=content)


def _bytes(tag: int, data: bytes) -> bytes:
    return _number(tag) + _number(len(data)) + data


def _number(value: int) -> bytes:
    """Return a number as protobuf writes it: seven bits a byte, the lowest first."""
    parts = []
    while value > 127:
        parts.append(value & 127 | 128)
        value >>= 7
    return bytes([*parts, value])
