"""Step-up: whoever lets more leave, or deletes, shows again who they are, if that was not just now.

`freshness` says what asks; this holds a request to it. The form that was sent is kept in the page that asks, field by
field, and goes on to the very address it was sent to, together with the password: nothing is stored in between, and
nothing was changed before. A try is throttled as signing in is.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from flask import Response, g, make_response, render_template, request

from diffgram_home import freshness, people, sessions
from diffgram_home.people import Denied
from diffgram_home.trouble import Trouble

FIELD: Final = "confirm-password"
"""Name of the form field with the password; views never look at it."""
KEPT_FOR: Final = "confirm-for"
"""Name of the form field with the address that a form goes on to, where a provider confirms."""


class FreshNeeded(Trouble):
    """Somebody may do this, and has to show again who they are. `what` follows "You are about to"."""

    status = 401
    named = "fresh-needed"

    def __init__(self, what: str, denied: Denied | None = None) -> None:
        super().__init__("this asks again who you are; nothing was changed", "give your password, and it goes on")
        self.what, self.denied = what, denied


def require_as_listed() -> None:
    """Hold the request at hand to what `freshness` lists for its route. Raises: FreshNeeded."""
    found = freshness.asked(request.endpoint or "", request.view_args or {})
    if found is not None:
        require_fresh(found.what)


def require_fresh(what: str, within: timedelta = freshness.FRESH) -> None:
    """Go on only if the person showed who they are `within` that time, or does so in this very form.

    Raises: FreshNeeded, which becomes the page that asks, and goes on with this form.
    """
    home, token = sessions.here(), sessions.token()
    if people.is_fresh(home, token, within, g.now):
        return
    given = request.form.get(FIELD)
    if given is None or sessions.me().issuer is not None:
        raise FreshNeeded(what)
    found = people.confirm(home, token, given, request.remote_addr or "", g.now)
    if isinstance(found, Denied):
        raise FreshNeeded(what, found)


def page(needed: FreshNeeded) -> Response:
    """The page that asks, with every field of the form at hand."""
    kept = [(name, value) for name, value in request.form.items(multi=True) if name not in (FIELD, sessions.FIELD)]
    to = request.full_path.rstrip("?")
    minutes = freshness.FRESH // timedelta(minutes=1)
    oidc = sessions.here().settings.oidc
    by = oidc.name if oidc is not None and sessions.me().issuer is not None else ""
    text = render_template(
        "confirm.html", needed=needed, kept=kept, to=to, field=FIELD, kept_for=KEPT_FOR, by=by, minutes=minutes
    )
    denied = needed.denied
    if denied is not None and denied.code == "wait":
        return make_response(text, 429, {"Retry-After": str(denied.wait_s)})
    return make_response(text, needed.status)
