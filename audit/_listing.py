"""What the members of a signed list in a file carried by hand must be (used by `carried`).

Each function returns for what is in order, and raises ValueError, KeyError or TypeError for anything else.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from audit import container
from audit.catalogue import CASES

OUT: Final = "diffgram-carried-out/1"
IN: Final = "diffgram-carried-in/1"
MAX_BATCHES = 100
"""In one file."""
MAX_BATCH_BYTES = 16 * 1024 * 1024
"""Of one body, before any Content-Encoding: what corporate takes over a connection."""
ROOM_BYTES = container.MAX_BYTES - 512 * 1024
"""Of all bodies in one file together; what is left is more than list, signatures and certificate can take."""
MAX_IN_BYTES = 8 * 1024 * 1024
"""Of a file of answers."""
MAX_REQUESTS = 50
MAX_REQUEST_BYTES = 16_384
"""Of one request, as over a connection."""
MAX_TEXT = 65_536
_HEX64, _INSTALLATION = re.compile(r"[0-9a-f]{64}\Z"), re.compile(r"[0-9a-f]{32}\Z")
_KIND: Final = re.compile(r"[a-z][a-z0-9-]{0,59}/[a-z][a-z0-9-]{0,59}\Z")


def out_members(listed: dict[str, Any]) -> None:
    """Raises ValueError, KeyError or TypeError for a list that is not one of an outgoing file."""
    members(listed, "batches", "certificate", "enrolment", "format", "installation", "requests")
    whose(listed, OUT)
    batches, asked, request = listed["batches"], listed["requests"], listed["enrolment"]
    many(batches, MAX_BATCHES)
    many(asked, MAX_REQUESTS)
    if bool(batches or asked) == (request is not None):
        raise ValueError("batches and requests, or a request for enrolment")
    for one in batches:
        members(one, "case", "sequence", "sha256", "size_bytes")
        number(one)
        sized(one, MAX_BATCH_BYTES)
    for one in asked:
        members(one, "kind", "sha256", "size_bytes")
        of_kind(one)
        sized(one, MAX_REQUEST_BYTES)
    if listed["certificate"] is not None:
        hex64(listed["certificate"])
    if request is not None:
        members(request, "csr", "token")
        if not all(isinstance(said, str) and 0 < len(said) <= MAX_TEXT for said in request.values()):
            raise ValueError("no request")


def in_members(listed: dict[str, Any]) -> None:
    """Raises ValueError, KeyError or TypeError for a list that is not one of answers."""
    members(listed, "answers", "catalogues", "enrolment", "file", "format", "installation", "requests")
    whose(listed, IN)
    hex64(listed["file"])
    many(listed["answers"], MAX_BATCHES)
    many(listed["requests"], MAX_REQUESTS)
    if listed["catalogues"] is not None:
        hex64(listed["catalogues"])
    for one in listed["answers"]:
        members(one, "answer", "case", "sequence", "sha256", "status")
        number(one)
        answered(one)
    for one in listed["requests"]:
        members(one, "answer", "kind", "sha256", "status")
        of_kind(one)
        answered(one)
    if listed["enrolment"] is not None:
        members(listed["enrolment"], "answer", "status")
        answered(listed["enrolment"])


def whose(listed: Mapping[str, Any], form: str) -> None:
    """The format is `form`, and an installation is named."""
    if listed["format"] != form or not _INSTALLATION.match(listed["installation"]):
        raise ValueError("another format, or no installation")


def members(value: Any, *names: str) -> None:
    """An object with exactly these members."""
    if not isinstance(value, dict) or set(value) != set(names):
        raise ValueError("other members")


def many(value: Any, most: int) -> None:
    """A list of at most `most`."""
    if not isinstance(value, list) or len(value) > most:
        raise ValueError("a list, and not too many")


def number(one: Mapping[str, Any]) -> None:
    """A number of a case, and the hash of what has it."""
    hex64(one["sha256"])
    if one["case"] not in CASES or type(one["sequence"]) is not int or one["sequence"] < 1:
        raise ValueError("no number of a case")


def of_kind(one: Mapping[str, Any]) -> None:
    """A kind of request, and the hash of one."""
    hex64(one["sha256"])
    if not _KIND.match(one["kind"]):
        raise ValueError("no kind")


def sized(one: Mapping[str, Any], most: int) -> None:
    """A size in bytes, up to `most`."""
    if type(one["size_bytes"]) is not int or not 0 < one["size_bytes"] <= most:
        raise ValueError("no size")


def answered(one: Mapping[str, Any]) -> None:
    """An HTTP status and a JSON object."""
    if type(one["status"]) is not int or not 100 <= one["status"] <= 599 or not isinstance(one["answer"], dict):
        raise ValueError("no answer")


def hex64(text: Any) -> None:
    """A SHA-256 in hexadecimal digits."""
    if not _HEX64.match(text):
        raise ValueError("no hash")
