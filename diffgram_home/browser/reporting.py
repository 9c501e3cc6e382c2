"""The ways in for what browsers send by themselves: reports, and the ping of a page that has nothing to tell.

`POST /browser/<project>/reports` takes reports in any of their forms (`reports`); `GET` or `POST
/browser/<project>/ping` counts a session. Nothing of a request is logged, repeated in an answer, or written to a disk
before it is reduced; no cookie is set or read, and no answer may be cached. While the case is off nothing is read at
all. What is refused is counted by a word of WORDS, which page Pending shows.

A report names the page that it is about, and only pages of our own origin or of the settings' are taken: a browser
sends most reports without `Origin`.
"""

from __future__ import annotations

from typing import Final

from flask import Blueprint, Response, g, request

from diffgram_home import ways
from diffgram_home.browser import answering, classes, origins, reports, routing, session
from diffgram_home.permissions import WAY_IN, permission
from diffgram_home.sessions import here
from event.ways import Way

routes = Blueprint("reporting", __name__)
WORDS: Final = ("origin", "project", "form", "size", "encoding", "rate", "item")
"""Every word under which something is counted that was sent here and not taken."""
_PICTURE: Final = bytes.fromhex(
    "47494638396101000100800000ffffff00000021f90401000000002c00000000010001000002024401003b"
)
"""A transparent GIF of one pixel, for a ping by an image."""


@routes.route("/browser/<project>/reports", methods=["POST", "OPTIONS"])
@permission(roles=WAY_IN)
def take(project: str) -> Response:
    """Reports of a browser: each reduced to words of lists and spooled, those of other pages refused."""
    way = ways.way(here(), "browser")
    if request.method == "OPTIONS":
        return _preflight(project)
    if not (way.collects(reports.KIND) or way.collects(session.KIND)):
        return Response(status=204)
    refused = _refused(project) or ("" if request.mimetype in reports.CONTENT else "encoding")
    if refused:
        return answering.no(way, reports.KIND, refused)
    body = answering.body(reports.MOST_BYTES)
    found = reports.read(request.mimetype, body) if body is not None else None
    if found is None:
        return answering.no(way, reports.KIND, "size" if body is None else "form")
    _spool(way, found)
    return answering.opened(Response(status=204))


@routes.route("/browser/<project>/ping", methods=["GET", "POST"])
@permission(roles=WAY_IN)
def ping(project: str) -> Response:
    """A session without anything to tell: by an image, or by a POST whose body is not read."""
    way = ways.way(here(), "browser")
    if way.collects(session.KIND):
        refused = _refused(project)
        if refused:
            return answering.no(way, session.KIND, refused)
        session.of(here()).count(session.visitor(request), g.now)
    if request.method == "POST":
        return answering.opened(Response(status=204))
    return answering.opened(Response(_PICTURE, mimetype="image/gif"))


def _refused(project: str) -> str:
    """Why nothing of this request is read, or nothing."""
    if project not in here().settings.browser.projects:
        return "project"
    if not _may_tell():
        return "origin"
    if request.headers.get("Content-Encoding"):
        return "encoding"
    return "rate" if answering.has_to_wait("reports-limit") else ""


def _may_tell() -> bool:
    """Whether the page's origin is allowed; where the browser does not say it, whether it is another site's."""
    origin = request.headers.get("Origin", "")
    if origin and origin != "null":
        return origins.allowed(here().settings.browser.origins, origin, request.host_url)
    return request.headers.get("Sec-Fetch-Site", "none") != "cross-site" or request.method == "POST"


def _preflight(project: str) -> Response:
    """A browser asks before it sends `application/reports+json` to another origin than the page's."""
    answer = Response(status=204)
    if project in here().settings.browser.projects and _may_tell():
        answer.headers["Access-Control-Allow-Methods"] = "POST"
        answer.headers["Access-Control-Allow-Headers"] = "Content-Type"
        return answering.opened(answer)
    return answer


def _spool(way: Way, found: list[reports.Report | None]) -> None:
    """Spool each report of an allowed page; count a session for whoever sent them."""
    home, listed = here(), here().settings.browser.origins
    browser = classes.of(request.headers.get("User-Agent", "")).browser
    taken = [one for one in found if one is not None and origins.allowed(listed, one.site, request.host_url)]
    for one in taken:
        route = routing.rule_of(home.index.routes, reports.path(one))
        way.new(reports.KIND, reports.values(one, reports.position(one), route, browser))
    unread = sum(one is None for one in found)
    for word, count in (("item", unread), ("origin", len(found) - unread - len(taken))):
        if count:
            way.refuse(reports.KIND, word, count)
    if taken:
        visitor = session.visitor(request)
        session.of(home).count(visitor, g.now, errored=any(one.broke for one in taken))
