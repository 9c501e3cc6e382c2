"""Signing in, and confirming, by the customer's own identity provider.

A form of ours begins it; the answer is a page that leads on, since a form may lead to no other site (the policy), and
since the browser sends our strict cookies only when it comes from a page of ours. What is awaited is bound to the
browser by a cookie of its own, which is lax: it has to come along when the provider leads back.
"""

from __future__ import annotations

from flask import Blueprint, Response, g, make_response, render_template, request, url_for

from diffgram_home import oidc, rendering, sessions
from diffgram_home.confirming import KEPT_FOR
from diffgram_home.oidc import ProviderAway, ProviderRefused
from diffgram_home.pages import account
from diffgram_home.permissions import ROLES, WITHOUT_SIGN_IN, permission
from diffgram_home.sessions import here
from diffgram_home.trouble import NotHere

routes = Blueprint("oidc", __name__, url_prefix="/oidc")


@routes.post("/start")
@permission(roles=WITHOUT_SIGN_IN)
def start() -> Response:
    """Lead to the identity provider to sign in."""
    to = account.local(request.form.get("next", ""))
    try:
        return _led(oidc.begin(here(), to, g.now))
    except ProviderAway as error:
        return _told(error, to)


@routes.get("/back")
@permission(roles=WITHOUT_SIGN_IN)
def back() -> Response:
    """Where the identity provider leads back to: a session begins, or a decision goes on, if all of it holds."""
    if here().settings.oidc is None:
        raise NotHere("this installation has no identity provider", "sign in with an account of this installation")
    try:
        found = oidc.finish(here(), request.args, sessions.awaited(), g.now)
    except (ProviderAway, ProviderRefused) as error:
        return sessions.await_nobody(_told(error, url_for("overview.show")))
    if isinstance(found, oidc.Confirmed):
        return sessions.await_nobody(_leading(url_for(".go_on", form=found.handle)))
    to = rendering.start(found.signed_in.person) if found.to == "/" else found.to
    answer = _leading(to)
    sessions.begin(answer, found.signed_in)
    return sessions.await_nobody(answer)


@routes.post("/confirm")
@permission(roles=ROLES, allow_support=True)
def confirm() -> Response:
    """Lead to the identity provider to show again who one is; the form that was sent is kept."""
    to = account.local(request.form.get(KEPT_FOR, ""))
    form = [pair for pair in request.form.items(multi=True) if pair[0] not in (sessions.FIELD, KEPT_FOR)]
    return _led(oidc.begin_confirming(here(), sessions.token(), to, form, g.now))


@routes.get("/go-on")
@permission(roles=ROLES, allow_support=True)
def go_on() -> str:
    """The form that was kept while its sender confirmed who they are, to be sent now."""
    kept = oidc.going_on(here(), request.args.get("form", ""), sessions.token(), g.now)
    if kept is None:
        raise NotHere("what you confirmed is not kept any more", "begin again where you were")
    return render_template("go_on.html", kept=kept)


def _led(found: oidc.Led) -> Response:
    answer = _leading(found.url)
    sessions.wait_for(answer, found.cookie, oidc.LIFETIME)
    return answer


def _leading(to: str) -> Response:
    """A page that leads on by itself, without a script."""
    return make_response(render_template("leading.html", to=to))


def _told(error: ProviderAway | ProviderRefused, next_: str) -> Response:
    told = account.Told(str(error.args[0]), error.hint)
    status = 503 if isinstance(error, ProviderAway) else 403
    return make_response(account.form(told, next_, ""), status)
