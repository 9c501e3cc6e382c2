"""The two routes for Sentry SDKs, and how an SDK is answered so that it behaves.

200: taken, or counted and let go; where items are never taken, `X-Sentry-Rate-Limits` names their categories, so that
the SDK does not send them again for an hour. 429 with Retry-After, and the same header for everything: errors are
switched off here, or the spool is full. 400, 401, 403, 413, 415: nothing was taken, and sending it again is in vain.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final

from flask import Blueprint, Response, g, request
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge

from diffgram_home import ways
from diffgram_home.browser import origins, session
from diffgram_home.home import Home
from diffgram_home.permissions import WAY_IN, permission
from diffgram_home.sentry import _asking, _envelope, _unpacking
from diffgram_home.sentry._words import FORM, ORIGIN, SAID, SIZE, STATUS, Refused
from diffgram_home.sessions import here
from event.errors import Reason
from event.sentry import Taker, sessions
from event.sentry.items import EVENT, NOT_TAKEN, NotCollected

routes = Blueprint("sentry", __name__, url_prefix="/api/<int:number>")
OFF_S: Final = 300
FULL_S: Final = 60
NEVER_S: Final = 3600
_FULL: Final = frozenset({Reason.SPOOL_FULL, Reason.DISK_FULL, Reason.SHORT_WRITE, Reason.SPOOL_UNUSABLE})
_CATEGORIES: Final = {
    "transaction": "transaction;span",
    "attachment": "attachment",
    "replay": "replay",
    "profile": "profile;profile_chunk",
    "metric": "trace_metric;metric_bucket",
    "feedback": "feedback",
    "check-in": "monitor",
    "log": "log_item",
}
"""Words of items that are never taken → the categories by which SDKs know them."""
_EXPOSED: Final = "X-Sentry-Error, X-Sentry-Rate-Limits, Retry-After"
_ALLOWED: Final = "Content-Type, Content-Encoding, X-Sentry-Auth, Authorization"


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a body: why items could not be kept (None for one that was), the words of those let go.

    `off`: an event was of a kind that is switched off.
    """

    reasons: frozenset[Reason | None]
    words: frozenset[str]
    off: bool


@routes.post("/envelope/", provide_automatic_options=False)
@permission(roles=WAY_IN)
def envelope(number: int) -> Response:
    """What a Sentry SDK sends: an envelope of items. Errors are reduced and spooled, all else is counted."""
    return _answered(number, _items)


@routes.post("/store/", provide_automatic_options=False)
@permission(roles=WAY_IN)
def store(number: int) -> Response:
    """What an old Sentry SDK sends: one event."""
    return _answered(number, _event)


@routes.route("/envelope/", methods=["OPTIONS"])
@routes.route("/store/", methods=["OPTIONS"])
@permission(roles=WAY_IN)
def preflight(number: int) -> Response:  # noqa: ARG001  every project has the same answer
    """What a browser asks before a page of another origin may send something."""
    origin = request.headers.get("Origin", "")
    if not origins.allowed(here().settings.browser.origins, origin, request.host_url):
        return Response(status=403)
    answer = _opened(Response(status=204))
    answer.headers["Access-Control-Allow-Methods"] = "POST"
    answer.headers["Access-Control-Allow-Headers"] = _ALLOWED
    answer.headers["Access-Control-Max-Age"] = "600"
    return answer


def _answered(number: int, take: Callable[[Taker, bytes], Taken]) -> Response:
    """Take what the request at hand brings, as `take` reads it, and answer."""
    home = here()
    taker = _taker(home)
    try:
        _asking.check(home, request, number)
        if not (taker.collects() or ways.way(home, "browser").collects(session.KIND)):
            return _later(OFF_S)
        taken = take(taker, _unpacking.unpacked(_body(), request.headers.get("Content-Encoding", "")))
    except Refused as refused:
        taker.refuse(refused.word)
        return _no(refused.word)
    if taken.off:
        return _later(OFF_S)
    if not _FULL.isdisjoint(taken.reasons):
        return _later(FULL_S)
    return _opened(_limited(Response("{}", mimetype="application/json"), taken.words))


def _taker(home: Home) -> Taker:
    """The taker of this process; two threads may make one each, of which one is kept."""
    taker: Taker | None = home.cache.get("sentry")
    if taker is None:
        taker = home.cache["sentry"] = Taker(ways.way(home, "event"), ways.way(home, "browser"))
    return taker


def _body() -> bytes:
    """The body as it came. Raises Refused when it is too large, or ends before its length."""
    request.max_content_length = _unpacking.MOST_PACKED
    try:
        return request.get_data(cache=False)
    except RequestEntityTooLarge:
        raise Refused(SIZE) from None
    except BadRequest:  # the client went away
        raise Refused(FORM) from None


def _items(taker: Taker, data: bytes) -> Taken:
    """Take the items of an envelope. Raises Refused when none of them can be read."""
    found = _envelope.parse(data)
    reasons: set[Reason | None] = set()
    bad, off = [] if found.whole else [FORM], False
    for item in found.items:
        try:
            reasons.add(_one(taker, item.type, item.data))
        except Refused as refused:
            bad.append(refused.word)
        except NotCollected:
            off = True
    if bad and not (reasons or off):
        raise Refused(bad[0])
    for word in bad:
        taker.refuse(word)
    return Taken(frozenset(reasons), frozenset(NOT_TAKEN.get(item.type, "") for item in found.items), off)


def _event(taker: Taker, data: bytes) -> Taken:
    """Take one event. Raises Refused when it cannot be read."""
    try:
        return Taken(frozenset({_one(taker, EVENT, data)}), frozenset(), off=False)
    except NotCollected:
        return Taken(frozenset(), frozenset(), off=True)


def _one(taker: Taker, kind: str, data: bytes | memoryview) -> Reason | None:
    """Take one item; raises Refused when it should be read and cannot be."""
    if not taker.reads(kind):
        return taker.take(kind, None)
    if len(data) > _envelope.MOST_OF_ONE:
        raise Refused(SIZE)
    content = _envelope.decoded(data)
    if content is None:
        raise Refused(FORM)
    if kind in (sessions.ONE, sessions.SUMS):
        return _count(sessions.told(kind, content))
    return taker.take(kind, content)


def _count(told: sessions.Told | None) -> None:
    """Count sessions: of a page as its visitor's, which is one a day; of a program as many as it says."""
    if told is None:
        return
    counted = session.of(here())
    if request.headers.get("Origin"):
        counted.count(session.visitor(request), g.now, release=told.release, errored=told.errored > 0)
    else:
        counted.programs(g.now, release=told.release, sessions=told.sessions, errored=told.errored)


def _no(word: str) -> Response:
    answer = Response(json.dumps({"detail": SAID[word]}), status=STATUS[word], mimetype="application/json")
    answer.headers["X-Sentry-Error"] = SAID[word]
    return answer if word == ORIGIN else _opened(answer)


def _later(wait_s: int) -> Response:
    """Say that nothing is taken at the moment; an SDK then drops what it has, and tells later how much that was."""
    answer = Response("{}", status=429, mimetype="application/json")
    answer.headers["Retry-After"] = str(wait_s)
    answer.headers["X-Sentry-Rate-Limits"] = f"{wait_s}::organization"
    return _opened(answer)


def _limited(answer: Response, words: Collection[str]) -> Response:
    """Name the categories that are never taken, of those that came."""
    named = [f"{NEVER_S}:{_CATEGORIES[word]}:organization" for word in sorted(words) if word in _CATEGORIES]
    if named:
        answer.headers["X-Sentry-Rate-Limits"] = ", ".join(named)
    return answer


def _opened(answer: Response) -> Response:
    """Let a page of another origin, which was allowed, read the status and for how long to wait."""
    if origin := request.headers.get("Origin"):
        answer.headers["Access-Control-Allow-Origin"] = origin
        answer.headers["Access-Control-Expose-Headers"] = _EXPOSED
        answer.vary.add("Origin")
    return answer
