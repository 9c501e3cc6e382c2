"""Who asks: which key a request brings, and whether pages of its origin may tell anything here."""

from __future__ import annotations

from werkzeug.wrappers import Request

from diffgram_home import dsns
from diffgram_home.browser import origins
from diffgram_home.home import Home
from diffgram_home.sentry._words import KEY, ORIGIN, Refused

_LONGEST = 2_048


def check(home: Home, request: Request, project: int) -> None:
    """Raises Refused unless the request's origin is allowed and its key is that of the project."""
    origin = request.headers.get("Origin", "")
    if origin and not origins.allowed(home.settings.browser.origins, origin, request.host_url):
        raise Refused(ORIGIN)
    if not dsns.opens(home, project, _key(request)):
        raise Refused(KEY)


def _key(request: Request) -> str:
    """The key: `X-Sentry-Auth: Sentry sentry_key=…, …`, `Authorization: Bearer …`, or in the query, as of browsers."""
    for name in ("X-Sentry-Auth", "Authorization"):
        said = request.headers.get(name, "")[:_LONGEST]
        if said[:7].lower() == "sentry ":
            for part in said[7:].split(","):
                key, _, value = part.strip().partition("=")
                if key == "sentry_key":
                    return value
        if said[:7].lower() == "bearer ":
            return said[7:].strip()
    return request.args.get("sentry_key", "")
