"""The way in for home.js, and the scripts themselves: `/browser/<project>/` and `/browser/home.js`.

Nothing of a request is logged, repeated in an answer, or written to a disk before it is reduced. While the case is off
nothing is read at all. What is refused is counted by a word of `WORDS`, which page Pending shows.
"""

from __future__ import annotations

from typing import Final

from flask import Blueprint, Response, g, request

from diffgram_home import ways
from diffgram_home.browser import answering, origins, reducing, scripts, session, told
from diffgram_home.permissions import WAY_IN, permission
from diffgram_home.security import ONE_YEAR_S
from diffgram_home.sessions import here
from diffgram_home.trouble import NotHere
from event.ways import Way

routes = Blueprint("browser", __name__)
WORDS: Final = ("origin", "project", "form", "size", "encoding", "rate", "item", "lost")
"""Every word under which something is counted that pages sent and that was not taken."""
_TYPES: Final = frozenset({"text/plain", "application/json"})


@routes.post("/browser/<project>/")
@permission(roles=WAY_IN)
def take(project: str) -> Response:
    """What home.js tells from a page: reduced to the catalogue's fields, and spooled."""
    way = ways.way(here(), "browser")
    if not any(map(way.collects, (reducing.ERROR, reducing.VISIT, session.KIND))):
        return Response(status=204)
    refused = _refused(project)
    if refused:
        return answering.no(way, _counted(way), refused)
    body = answering.body(told.MOST_BYTES)
    found = told.read(body) if body is not None else None
    if found is None:
        return answering.no(way, _counted(way), "size" if body is None else "form")
    errored = _spool(way, found)
    visitor = session.visitor(request)
    session.of(here()).count(visitor, g.now, release=found.release, viewport=found.viewport, errored=errored)
    return answering.opened(Response(status=204))


@routes.get("/browser/<name>")
@permission(roles=WAY_IN)
def script(name: str) -> Response:
    """home.js or one of its siblings, for pages of the product that load it from here."""
    if name not in scripts.NAMES:
        raise NotHere("there is no such script here", "`diffgram-home browser tag` prints the tags that load one")
    answer = Response(scripts.content(name), mimetype="text/javascript")
    kept = request.args.get("v") == scripts.version(name)
    answer.headers["Cache-Control"] = f"public, max-age={ONE_YEAR_S}, immutable" if kept else "public, max-age=600"
    answer.headers["Access-Control-Allow-Origin"] = "*"  # a page of another origin can check its hash only then
    return answer


def _refused(project: str) -> str:
    """Why nothing of this request is read, or nothing."""
    browser = here().settings.browser
    if project not in browser.projects:
        return "project"
    if not origins.allowed(browser.origins, request.headers.get("Origin", ""), request.host_url):
        return "origin"
    if request.mimetype not in _TYPES or request.headers.get("Content-Encoding"):
        return "encoding"
    return "rate" if answering.has_to_wait("browser-limit") else ""


def _spool(way: Way, found: told.Told) -> bool:
    """Spool what can be read; whether there was an error among it."""
    items, unread = told.items(found)
    for item in items:
        if isinstance(item, told.Visit):
            way.new(reducing.VISIT, reducing.visit(item))
        else:
            way.new(reducing.ERROR, reducing.error(item, found.release))
    for word, count in (("item", unread), ("lost", found.lost)):
        if count:
            way.refuse(_counted(way), word, count)
    return any(isinstance(item, told.Problem) for item in items)


def _counted(way: Way) -> str:
    """The kind under which refusals are counted: one that is collected."""
    return reducing.ERROR if way.collects(reducing.ERROR) else reducing.VISIT
