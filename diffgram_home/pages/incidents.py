"""Unexpected Data Transfers: what was undeclared, and the timeline from noticing it to closing it."""

from flask import Blueprint, Response, g, redirect, render_template, request, url_for

from audit import deletion
from audit.deletion import Scope
from diffgram_home import declaring, deleting, deletions, incidents, reading, sessions
from diffgram_home.pages import asking
from diffgram_home.permissions import ADMIN, ROLES, SECURITY, permission
from diffgram_home.sessions import here
from diffgram_home.trouble import NotHere, NotUnderstood

routes = Blueprint("incidents", __name__, url_prefix="/incidents")
PAGE = 50
MAY_CLOSE = (ADMIN, SECURITY)


@routes.get("")
@permission(roles=ROLES)
def show() -> str:
    """Every incident, newest first, each with its timeline."""
    found = incidents.listed(here(), before=asking.row("before"), limit=PAGE)
    older = found[-1].id if len(found) == PAGE else None
    return render_template("incidents.html", incidents=found, older=older, whys=declaring.WHYS)


@routes.get("/declare")
@permission(roles=MAY_CLOSE)
def look() -> str:
    """What declaring that an attempt or a field should not have left would ask of corporate, to the byte."""
    why = request.args.get("why", "")
    if why not in declaring.WHYS:
        raise NotUnderstood("there is no such reason", "choose one from the list")
    shown = declaring.preview(here(), _scope(asking.row("attempt") or 0, request.args.get("field", "")), g.now)
    return render_template("declare.html", shown=shown, words=deletions.words(shown.scope), why=why)


@routes.post("/declare")
@permission(roles=MAY_CLOSE)
def declare() -> Response:
    """Keep the request that was shown, and open the incident. No page reaches the network: the scheduler sends it."""
    body = request.form.get("body", "").encode() + b"\n"  # a form would make another line end of it
    try:
        shown = declaring.shown(here(), body)
        number = declaring.declare(here(), shown, request.form.get("why", ""), sessions.me().actor, g.now)
    except ValueError as error:
        raise NotUnderstood("this is no request that was shown here", "look at it anew") from error
    deleting.want(here(), [number])
    return redirect(url_for(".show", done="declared"), 303)  # type: ignore[return-value]


def _scope(attempt: int, field: str) -> Scope:
    if field:
        found = here().catalogue.fields.get(field)
        if found is None:
            raise NotHere("the catalogue has no such field", "choose one under Fields")
        return Scope(deletion.FIELD, field=found.hash)
    page = reading.attempt(here(), attempt, lines=0) if 0 < attempt < 2**63 else None
    if page is None:
        raise NotHere("there is no such attempt", "find it in the list under Sent")
    return Scope(deletion.BATCH, batch=page.line.sha256)


@routes.post("/<token>/close")
@permission(roles=MAY_CLOSE)
def close(token: str) -> Response:
    """Close one: somebody has looked at it, and says so with their name."""
    incidents.close(here(), token, sessions.me().actor, g.now)
    return redirect(url_for(".show", done="closed"), 303)  # type: ignore[return-value]
