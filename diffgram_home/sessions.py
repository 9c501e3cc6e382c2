"""Who is signed in: the cookie, the session behind it, and proof that a form is ours.

The store keeps sessions (`people`); a cookie carries only a random token, and the store only its hash. Cookies are
HttpOnly and SameSite=Strict, and under https Secure with the `__Host-` prefix, so that no neighbour can set them.
Sessions are short, end when unused, and can be revoked at once, all of a person's together.

A form proves that it is ours by a value derived from the cookie with a key of this installation (HMAC-SHA-256): a page
elsewhere can make a browser send the cookie, but cannot know the value. The sign-in form has no session yet and uses a
cookie of its own in the same way, so that nobody can be signed in to somebody else's account unnoticed.
`Sec-Fetch-Site` is asked as well, where the browser sends it.

Ports do not separate cookies: corporate beside us on the same host name must use other names than ours.
"""

import hmac
import secrets
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from flask import Response, current_app, g, request

from diffgram_home import people
from diffgram_home.home import Home
from diffgram_home.trouble import Trouble

SESSION: Final = "home-session"
FORM: Final = "home-form"
AWAITED: Final = "home-provider"
FIELD: Final = "csrf"
"""Name of the hidden form field."""
SHORTEST: Final = 32


class FormRefused(Trouble):
    """A form that changes something did not come from a page of this session."""

    status = 403
    named = "form-refused"


def here() -> Home:
    """The installation that this application serves."""
    home: Home = current_app.extensions["home"]
    return home


def load(now: datetime, *, quiet: bool = False) -> None:
    """Find out who holds the cookie of the request at hand; `quiet` does not count as use of the session."""
    brought = request.cookies.get(_name(SESSION), "")
    found = people.signed_in(here(), brought, now, quiet=quiet) if brought else None
    g.signed_in = (found, brought) if found else None


def person() -> people.Person | None:
    """Who is signed in."""
    found = g.get("signed_in")
    return found[0] if found else None


def me() -> people.Person:
    """Who is signed in, on a route that asks for it. Raises: RuntimeError elsewhere."""
    found = person()
    if found is None:
        raise RuntimeError("nobody is signed in on this route")
    return found


def token() -> str:
    """The token of the session at hand, or an empty text."""
    found = g.get("signed_in")
    return found[1] if found else ""


def begin(response: Response, started: people.SignedIn) -> None:
    """Hand the browser a new session. Always a new token: one brought along is never adopted."""
    _set(response, SESSION, started.token)
    response.delete_cookie(_name(FORM), path="/", secure=_secure(), httponly=True, samesite="Strict")


def forget(response: Response) -> None:
    """Take the session's cookie from the browser, and whatever its cache holds."""
    response.delete_cookie(_name(SESSION), path="/", secure=_secure(), httponly=True, samesite="Strict")
    response.headers["Clear-Site-Data"] = '"cache", "storage"'


def wait_for(response: Response, cookie: str, lifetime: timedelta) -> None:
    """Give the browser the cookie by which it is known when the provider leads it back. Lax, or it would not come."""
    age = int(lifetime.total_seconds())
    response.set_cookie(_name(AWAITED), cookie, max_age=age, path="/", secure=_secure(), httponly=True, samesite="Lax")


def awaited() -> str:
    """That cookie, or an empty text."""
    return request.cookies.get(_name(AWAITED), "")


def await_nobody(response: Response) -> Response:
    """Take that cookie from the browser."""
    response.delete_cookie(_name(AWAITED), path="/", secure=_secure(), httponly=True, samesite="Lax")
    return response


def form_value() -> str:
    """The value a form of ours carries in `FIELD`, for the session at hand or for a stranger's sign-in."""
    return _derived(token() or _stranger())


def keep_stranger(response: Response) -> Response:
    """Give a stranger the cookie that the sign-in form on this answer relies on."""
    if "stranger" in g:
        _set(response, FORM, g.stranger)
    return response


def require_own_form() -> None:
    """Raises FormRefused unless the form at hand was rendered for this session and sent from our own page."""
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        raise FormRefused("this form came from another site; nothing was changed", "open the page here and use it")
    against = token() or request.cookies.get(_name(FORM), "")
    if not against or not hmac.compare_digest(_derived(against).encode(), request.form.get(FIELD, "").encode()):
        raise FormRefused("this form is not from your session; nothing was changed", "go back, reload and try again")


def _stranger() -> str:
    if "stranger" not in g:
        brought = request.cookies.get(_name(FORM), "")
        g.stranger = brought if len(brought) >= SHORTEST else secrets.token_urlsafe(SHORTEST)
    value: str = g.stranger
    return value


def _derived(against: str) -> str:
    return hmac.new(here().keys.pages, against.encode(), sha256).hexdigest()


def _secure() -> bool:
    return bool(current_app.config["SESSION_COOKIE_SECURE"])


def _name(name: str) -> str:
    return f"__Host-{name}" if _secure() else name


def _set(response: Response, name: str, value: str) -> None:
    """No lifetime: the browser drops it when it closes, the store ends it earlier anyway."""
    response.set_cookie(_name(name), value, path="/", secure=_secure(), httponly=True, samesite="Strict")
