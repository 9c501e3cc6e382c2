"""Unexpected Data Transfers: what was undeclared, and the timeline from noticing it to closing it."""

from flask import Blueprint, Response, g, redirect, render_template, url_for

from diffgram_home import incidents, sessions
from diffgram_home.pages import asking
from diffgram_home.permissions import ADMIN, ROLES, SECURITY, permission
from diffgram_home.sessions import here

routes = Blueprint("incidents", __name__, url_prefix="/incidents")
PAGE = 50
MAY_CLOSE = (ADMIN, SECURITY)


@routes.get("")
@permission(roles=ROLES)
def show() -> str:
    """Every incident, newest first, each with its timeline."""
    found = incidents.listed(here(), before=asking.row("before"), limit=PAGE)
    return render_template("incidents.html", incidents=found, older=found[-1].id if len(found) == PAGE else None)


@routes.post("/<token>/close")
@permission(roles=MAY_CLOSE)
def close(token: str) -> Response:
    """Close one: somebody has looked at it, and says so with their name."""
    incidents.close(here(), token, sessions.me().actor, g.now)
    return redirect(url_for(".show", done="closed"), 303)  # type: ignore[return-value]
