"""The route for OpenTelemetry's exporters, and how they are answered so that they behave (OTLP specification).

200: taken; what was not is told as `partialSuccess`, and sending it again is in vain. 429 with Retry-After: everything
that a record can become is switched off, or the spool is full. 400, 403, 413, 415: nothing was taken, likewise in vain.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from flask import Blueprint, Response, g, request
from werkzeug.wrappers import Request

from diffgram_home import ways
from diffgram_home.browser import origins
from diffgram_home.front import Address, Answer
from diffgram_home.home import Home
from diffgram_home.otlp import _answering, _json, _protobuf
from diffgram_home.otlp._request import MANY, Found, Malformed, TooMany
from diffgram_home.permissions import WAY_IN, permission
from diffgram_home.sentry import _asking, _unpacking
from diffgram_home.sentry._words import ENCODING, FORM, ORIGIN, SIZE, STATUS, Refused
from diffgram_home.sessions import here
from event.errors import NotCollected, Reason
from event.records import Records

routes = Blueprint("otlp", __name__, url_prefix="/api/<int:number>/v1/logs")
OFF_S: Final = 300
FULL_S: Final = 60
_FULL: Final = frozenset({Reason.SPOOL_FULL, Reason.DISK_FULL, Reason.SHORT_WRITE, Reason.SPOOL_UNUSABLE})
_READERS: Final = {_answering.PROTOBUF: _protobuf.read, _answering.JSON: _json.read}
_SAID: Final = {
    "key": "this key does not open this project",
    ORIGIN: "pages of this origin may not tell anything here",
    SIZE: "this is larger than it may be",
    ENCODING: "this cannot be unpacked, or is neither protobuf nor JSON",
    FORM: "this is no request for logs",
}
_LATER: Final = "nothing is taken at the moment"
_PARTLY: Final = "what these records tell is switched off here, or there are too many of them"


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of the records: how many were kept and how many not.

    `off`: of some, everything that they tell is switched off; `full`: the spool took no more.
    """

    kept: int
    rejected: int
    off: bool
    full: bool


def told(home: Home, asked: Request, now: datetime, project: str) -> Answer:  # noqa: ARG001  no session is counted
    """Take the log records of a request."""
    records, content = _records(home), asked.mimetype
    try:
        _asking.check(home, asked, int(project))
        if not records.collects():
            return _opened(asked, _later(content, OFF_S))
        found = _found(asked)
    except Refused as refused:
        records.refuse(refused.word)
        answer = _answering.refused(content, STATUS[refused.word], _SAID[refused.word])
        return answer if refused.word == ORIGIN else _opened(asked, answer)
    for word, count in found.unread.items():
        records.refuse(word, count)
    taken = _take(records, found)
    if not taken.kept and (taken.full or taken.off):
        return _opened(asked, _later(content, FULL_S if taken.full else OFF_S))
    if taken.kept and records.settle() is not None:
        return _opened(asked, _later(content, FULL_S))
    return _opened(asked, _answering.taken(content, taken.rejected, _PARTLY))


ADDRESSES: Final = (Address(re.compile(r"/api/([0-9]{1,18})/v1/logs"), told),)


@routes.post("", provide_automatic_options=False)
@permission(roles=WAY_IN)
def logs(number: int) -> Response:
    """What an OpenTelemetry exporter sends: log records. They are reduced and spooled; all else is counted."""
    return told(here(), request, g.now, str(number)).response()


@routes.route("", methods=["OPTIONS"])
@permission(roles=WAY_IN)
def preflight(number: int) -> Response:  # noqa: ARG001  every project has the same answer
    """What a browser asks before a page of another origin may send something."""
    origin = request.headers.get("Origin", "")
    if not origins.allowed(here().settings.browser.origins, origin, request.host_url):
        return Response(status=403)
    answer = origins.opened(Response(status=204), origin)
    answer.headers["Access-Control-Allow-Methods"] = "POST"
    answer.headers["Access-Control-Allow-Headers"] = "Content-Type, Content-Encoding, X-Sentry-Auth, Authorization"
    answer.headers["Access-Control-Max-Age"] = "600"
    return answer


def _records(home: Home) -> Records:
    """What takes records in this process; two threads may make one each, of which one is kept."""
    records: Records | None = home.cache.get("otlp")
    if records is None:
        records = home.cache["otlp"] = Records(ways.way(home, "event"), ways.way(home, "browser"))
    return records


def _found(asked: Request) -> Found:
    """Read a request. Raises Refused when nothing of it can be read."""
    read = _READERS.get(asked.mimetype)
    if read is None:
        raise Refused(ENCODING)
    data = _unpacking.received(asked)
    try:
        return read(data)
    except Malformed:
        raise Refused(FORM) from None
    except TooMany:
        raise Refused(SIZE) from None


def _take(records: Records, found: Found) -> Taken:
    """Take the records in order, until the spool takes no more."""
    kept, off, beyond = 0, False, found.unread[MANY]
    rejected = beyond
    for record in found.records:
        try:
            reason = records.take(record)
        except NotCollected:
            rejected, off = rejected + 1, True
            continue
        if reason in _FULL:
            return Taken(kept, beyond + len(found.records) - kept, off, full=True)
        kept += reason is None
        rejected += reason is not None
    return Taken(kept, rejected, off, full=False)


def _later(content: str, wait_s: int) -> Answer:
    """Say that nothing is taken at the moment, and when to try again."""
    return replace(_answering.refused(content, 429, _LATER), headers=(("Retry-After", str(wait_s)),))


def _opened(asked: Request, answer: Answer) -> Answer:
    """Let a page of another origin, which was allowed, read the status and for how long to wait."""
    origin = asked.headers.get("Origin")
    if not origin:
        return answer
    opening = (("Access-Control-Allow-Origin", origin), ("Access-Control-Expose-Headers", "Retry-After"))
    return replace(answer, headers=(*answer.headers, *opening, ("Vary", "Origin")))
