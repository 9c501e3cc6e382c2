"""The short way for what products tell: POST to one of a few addresses is taken before Flask is asked.

`Front` wraps the application. A request for one of its addresses that nothing is wrong with, as far as Flask would see,
is handed to the function that takes it, and answered with the headers that every answer has. Everything else goes to
Flask as if this were not here: other methods, other names than ours, what came around the proxy. Rules:

- Each address is a route of Flask, too, with the same function behind it: so it is listed with the others, says who
  may use it, and is answered alike (a test compares both).
- Only ways in stand here: no session, no form, no page. An exception becomes the answer that Flask would give.
- To add one: an `Address` beside its route, and a line in `pages.ADDRESSES`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final

from flask import Flask, Response, g
from werkzeug.exceptions import SecurityError
from werkzeug.wrappers import Request
from werkzeug.wsgi import get_host

from diffgram_home import security
from diffgram_home.settings import Web

Environ = dict[str, Any]
Start = Callable[..., Any]
WSGI = Callable[[Environ, Start], Iterable[bytes]]
Headers = tuple[tuple[str, str], ...]
_SAID: Final = {int(one): f"{int(one)} {one.phrase}" for one in HTTPStatus}


@dataclass(frozen=True, slots=True)
class Answer:
    """What a way in answers, without the headers that all answers have."""

    status: int
    body: bytes = b"{}"
    headers: Headers = ()
    mimetype: str = "application/json"

    def response(self) -> Response:
        """The same as Flask's."""
        return Response(self.body, self.status, self.headers, self.mimetype)


@dataclass(frozen=True, slots=True)
class Address:
    """`path` is a pattern over the whole path; `take` gets home, request, now, and what its groups hold."""

    path: re.Pattern[str]
    take: Callable[..., Answer]


class Front:
    """A WSGI application around `app`. Made before a proxy's headers are applied around it (`security.protect`)."""

    def __init__(self, app: Flask, web: Web, addresses: Sequence[Address]) -> None:
        self._app, self._inner, self._addresses = app, app.wsgi_app, tuple(addresses)
        self._only_https = web.behind_proxy
        self._headers = security.fixed_headers(web)

    def __call__(self, environ: Environ, start: Start) -> Iterable[bytes]:
        """Answer one request."""
        found = self._found(environ)
        if found is None:
            return self._inner(environ, start)
        address, groups = found
        now = datetime.now(UTC)
        try:
            answer = address.take(self._app.extensions["home"], Request(environ), now, *groups)
        except Exception as fault:
            return self._troubled(fault, now, environ)(environ, start)
        length = ("Content-Length", str(len(answer.body)))
        start(_SAID[answer.status], [("Content-Type", answer.mimetype), length, *answer.headers, *self._headers])
        return (answer.body,)

    def _found(self, environ: Environ) -> tuple[Address, tuple[str | Any, ...]] | None:
        """The address that a request is for, with what the groups of its path hold; None for what Flask answers."""
        if environ["REQUEST_METHOD"] != "POST":
            return None
        path = environ.get("PATH_INFO", "")
        for address in self._addresses:
            if match := address.path.fullmatch(path):
                return (address, match.groups()) if self._is_for_us(environ) else None
        return None

    def _is_for_us(self, environ: Environ) -> bool:
        """Whether it came as it should; what did not, Flask refuses."""
        if self._only_https and environ["wsgi.url_scheme"] != "https":
            return False
        try:
            get_host(environ, self._app.config["TRUSTED_HOSTS"])
        except SecurityError:
            return False
        return True

    def _troubled(self, fault: Exception, now: datetime, environ: Environ) -> Response:
        """What Flask answers to an exception (`refusals`)."""
        with self._app.request_context(environ):
            g.now = now
            return self._app.finalize_request(self._app.handle_user_exception(fault), from_error_handler=True)
