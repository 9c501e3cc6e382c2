"""The two routes for Sentry SDKs, and how an SDK is answered so that it behaves.

200: taken, or counted and let go; where items are never taken, `X-Sentry-Rate-Limits` names their categories, so that
the SDK does not send them again for an hour. 429 with Retry-After, and the same header for everything: errors are
switched off here, or the spool is full. 400, 401, 403, 413, 415: nothing was taken, and sending it again is in vain.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Final

from flask import Blueprint, Response, g, request
from werkzeug.wrappers import Request

from diffgram_home import ways
from diffgram_home.browser import origins, session
from diffgram_home.front import Address, Answer
from diffgram_home.home import Home
from diffgram_home.permissions import WAY_IN, permission
from diffgram_home.sentry import _asking, _envelope, _unpacking
from diffgram_home.sentry._words import FORM, ORIGIN, SAID, SIZE, STATUS, Refused
from diffgram_home.sessions import here
from event.errors import NotCollected, Reason
from event.sentry import Taker, sessions
from event.sentry.items import EVENT

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


Count = Callable[[sessions.Told | None], None]
"""What counts the sessions that an item tells."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a body: why items could not be kept (None for one that was), the words of those let go.

    `off`: an event was of a kind that is switched off.
    """

    reasons: frozenset[Reason | None]
    words: frozenset[str]
    off: bool


Take = Callable[[Taker, bytes, Count], Taken]


def envelopes(home: Home, asked: Request, now: datetime, project: str) -> Answer:
    """Take the items of an envelope."""
    return _answered(home, asked, now, int(project), _items)


def stored(home: Home, asked: Request, now: datetime, project: str) -> Answer:
    """Take one event, as old SDKs send it."""
    return _answered(home, asked, now, int(project), _event)


ADDRESSES: Final = (
    Address(re.compile(r"/api/([0-9]{1,18})/envelope/"), envelopes),
    Address(re.compile(r"/api/([0-9]{1,18})/store/"), stored),
)


@routes.post("/envelope/", provide_automatic_options=False)
@permission(roles=WAY_IN)
def envelope(number: int) -> Response:
    """What a Sentry SDK sends: an envelope of items. Errors are reduced and spooled, all else is counted."""
    return _answered(here(), request, g.now, number, _items).response()


@routes.post("/store/", provide_automatic_options=False)
@permission(roles=WAY_IN)
def store(number: int) -> Response:
    """What an old Sentry SDK sends: one event."""
    return _answered(here(), request, g.now, number, _event).response()


@routes.route("/envelope/", methods=["OPTIONS"])
@routes.route("/store/", methods=["OPTIONS"])
@permission(roles=WAY_IN)
def preflight(number: int) -> Response:  # noqa: ARG001  every project has the same answer
    """What a browser asks before a page of another origin may send something."""
    origin = request.headers.get("Origin", "")
    if not origins.allowed(here().settings.browser.origins, origin, request.host_url):
        return Response(status=403)
    answer = origins.opened(Response(status=204), origin)
    answer.headers["Access-Control-Expose-Headers"] = _EXPOSED
    answer.headers["Access-Control-Allow-Methods"] = "POST"
    answer.headers["Access-Control-Allow-Headers"] = _ALLOWED
    answer.headers["Access-Control-Max-Age"] = "600"
    return answer


def _answered(home: Home, asked: Request, now: datetime, project: int, take: Take) -> Answer:
    """Take what a request brings, as `take` reads it, and answer."""
    taker = _taker(home)
    count = partial(_count, home, asked, now)
    try:
        _asking.check(home, asked, project)
        if not (taker.collects() or ways.way(home, "browser").collects(session.KIND)):
            return _opened(asked, _later(OFF_S))
        data = _unpacking.received(asked)
        taken = take(taker, data, count)
    except Refused as refused:
        taker.refuse(refused.word)
        return _no(asked, refused.word)
    if taken.off:
        return _opened(asked, _later(OFF_S))
    if not _FULL.isdisjoint(taken.reasons) or (None in taken.reasons and taker.settle() is not None):
        return _opened(asked, _later(FULL_S))
    return _opened(asked, _limited(taken.words))


def _taker(home: Home) -> Taker:
    """The taker of this process; two threads may make one each, of which one is kept."""
    taker: Taker | None = home.cache.get("sentry")
    if taker is None:
        taker = home.cache["sentry"] = Taker(ways.way(home, "event"), ways.way(home, "browser"))
    return taker


def _items(taker: Taker, data: bytes, count: Count) -> Taken:
    """Take the items of an envelope. Raises Refused when none of them can be read."""
    found = _envelope.parse(data)
    reasons: set[Reason | None] = set()
    bad, off = [] if found.whole else [FORM], False
    for item in found.items:
        try:
            reasons.add(_one(taker, item.type, item.data, count))
        except Refused as refused:
            bad.append(refused.word)
        except NotCollected:
            off = True
    if bad and not (reasons or off):
        raise Refused(bad[0])
    for word in bad:
        taker.refuse(word)
    return Taken(frozenset(reasons), frozenset(taker.not_taken(item.type) for item in found.items), off)


def _event(taker: Taker, data: bytes, count: Count) -> Taken:
    """Take one event. Raises Refused when it cannot be read."""
    try:
        return Taken(frozenset({_one(taker, EVENT, data, count)}), frozenset(), off=False)
    except NotCollected:
        return Taken(frozenset(), frozenset(), off=True)


def _one(taker: Taker, kind: str, data: bytes | memoryview, count: Count) -> Reason | None:
    """Take one item; raises Refused when it should be read and cannot be."""
    if not taker.reads(kind):
        return taker.take(kind, None)
    if len(data) > _envelope.MOST_OF_ONE:
        raise Refused(SIZE)
    content = _envelope.decoded(data)
    if content is None:
        raise Refused(FORM)
    if kind in (sessions.ONE, sessions.SUMS):
        count(sessions.told(kind, content))
        return None
    return taker.take(kind, content)


def _count(home: Home, asked: Request, now: datetime, told: sessions.Told | None) -> None:
    """Count sessions: of a page as its visitor's, which is one a day; of a program as many as it says."""
    if told is None:
        return
    counted = session.of(home)
    if asked.headers.get("Origin"):
        counted.count(session.visitor(asked), now, release=told.release, errored=told.errored > 0)
    else:
        counted.programs(now, release=told.release, sessions=told.sessions, errored=told.errored)


def _no(asked: Request, word: str) -> Answer:
    answer = Answer(STATUS[word], json.dumps({"detail": SAID[word]}).encode(), (("X-Sentry-Error", SAID[word]),))
    return answer if word == ORIGIN else _opened(asked, answer)


def _later(wait_s: int) -> Answer:
    """Say that nothing is taken at the moment; an SDK then drops what it has, and tells later how much that was."""
    limits = ("X-Sentry-Rate-Limits", f"{wait_s}::organization")
    return Answer(429, headers=(("Retry-After", str(wait_s)), limits))


def _limited(words: Collection[str]) -> Answer:
    """Name the categories that are never taken, of those that came."""
    named = [f"{NEVER_S}:{_CATEGORIES[word]}:organization" for word in sorted(words) if word in _CATEGORIES]
    return Answer(200, headers=(("X-Sentry-Rate-Limits", ", ".join(named)),) if named else ())


def _opened(asked: Request, answer: Answer) -> Answer:
    """Let a page of another origin, which was allowed, read the status and for how long to wait."""
    origin = asked.headers.get("Origin")
    if not origin:
        return answer
    opening = (("Access-Control-Allow-Origin", origin), ("Access-Control-Expose-Headers", _EXPOSED), ("Vary", "Origin"))
    return replace(answer, headers=(*answer.headers, *opening))
