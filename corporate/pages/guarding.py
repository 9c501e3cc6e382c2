"""Who may see a page, forms that are really ours, and the headers of every answer.

Leaves to others: accounts and sessions (people). Rules: denied unless allowed: only the routes in OPEN work without a
session. A form's token is HMAC-SHA-256(secret, cookie), so a page of another site cannot know it; the cookie is
SameSite=Strict besides. Programs name their session in a header, which no page of another site can set; a cookie does
not count for them. No script is allowed at all, and Trusted Types are demanded in case one ever is.
"""

import hashlib
import hmac
import secrets
from datetime import UTC, datetime

from flask import Flask, Response, abort, current_app, g, redirect, request, url_for
from werkzeug import Response as Base
from werkzeug.exceptions import SecurityError

from corporate import people
from corporate.errors import Answer
from corporate.server import Corporate

PROGRAMS = "/api/v1"
"""Where programs ask (programs.py): by a session's token in a header; no cookie and no form counts there."""
OPEN = frozenset({"static", "signing_in.form", "signing_in.sign_in", "programs.Session", "api-docs.openapi_json"})
"""Endpoints that need no session; to end one, `programs.Session` asks for it by itself."""
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def register(app: Flask) -> None:
    """Guard every route of `app`."""
    app.before_request(_who)
    app.before_request(_no_nul)
    app.before_request(_form_is_ours)
    app.after_request(_headers)


def server() -> Corporate:
    """The opened server behind this request."""
    found: Corporate = current_app.extensions["corporate"]
    return found


def form_token() -> str:
    """The token for the forms of this page."""
    return hmac.new(server().keys.pages_secret, g.cookie.encode(), hashlib.sha256).hexdigest()


def give_cookie(response: Base, token: str) -> Base:
    """Make `token` the session of this browser."""
    https = server().settings.pages.https
    response.set_cookie(_cookie_name(), token, httponly=True, samesite="Strict", secure=https, path="/")
    return response


def bearer() -> str:
    """The session's token that a program names in Authorization, or nothing."""
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else ""


def no_session() -> Answer:
    """What a program is told that has none."""
    return Answer(401, "not-signed-in", "there is no session", f"POST name and password to {PROGRAMS}/session")


def of_program() -> bool:
    """Whether a program asks."""
    return request.path.startswith(f"{PROGRAMS}/")


def _cookie_name() -> str:
    """`__Host-` binds the cookie to https and this host; browsers refuse it without https."""
    return "__Host-corporate" if server().settings.pages.https else "corporate"


def _who() -> Base | None:
    """Look up the session; send strangers to the sign-in, and those who called us by another name away."""
    if isinstance(request.routing_exception, SecurityError):
        raise request.routing_exception
    given = bearer() if of_program() else request.cookies.get(_cookie_name(), "")
    g.cookie = given or secrets.token_urlsafe(32)
    g.person = None
    if request.endpoint == "static":
        return None
    g.person = people.who(server().store, g.cookie, datetime.now(UTC))
    if g.person is not None or request.endpoint in OPEN:
        return None
    if of_program():
        raise no_session()
    return redirect(url_for("signing_in.form"), 303)


def _no_nul() -> None:
    """No text of ours has a NUL, and PostgreSQL takes none: refused here, once, and alike for both databases."""
    given = (*request.args.items(multi=True), *request.form.items(multi=True), (request.path,))
    if any("\0" in text for texts in given for text in texts):
        abort(400, "What was asked for has a NUL character in it, which no name here has.")


def _form_is_ours() -> None:
    if request.method in ("GET", "HEAD", "OPTIONS") or of_program():
        return
    given = request.form.get("form", "")
    if not hmac.compare_digest(given.encode("utf-8", "replace"), form_token().encode()):
        abort(403, "This form is from another session. Go back, load the page again, and repeat what you did.")


def _headers(response: Response) -> Response:
    response.headers.update(HEADERS)
    if request.endpoint != "static":
        response.headers["Cache-Control"] = "no-store"
    if server().settings.pages.https:
        response.headers["Strict-Transport-Security"] = "max-age=31536000"
    return response
