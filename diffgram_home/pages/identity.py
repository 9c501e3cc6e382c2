"""Who this installation is to corporate: its identity, what contradicts it, and what corporate has not acknowledged."""

from flask import Blueprint, Response, g, redirect, render_template, request, url_for

from diffgram_home import acknowledging, conflicts, sessions
from diffgram_home.permissions import ADMIN, ROLES, SECURITY, permission
from diffgram_home.sessions import here
from diffgram_home.trouble import NotUnderstood

routes = Blueprint("identity", __name__, url_prefix="/identity")


@routes.get("")
@permission(roles=ROLES)
def show() -> str:
    """The identity, a conflict if corporate saw one with the ways out of it, and numbers without a receipt."""
    found = acknowledging.unacknowledged(here(), before=request.args.get("before", None, int))
    return render_template(
        "identity.html",
        identity=acknowledging.identity(here()),
        rows=found,
        older=found[-1].id if len(found) == acknowledging.PAGE else None,
        whys=conflicts.WHYS,
    )


@routes.post("/settle")
@permission(roles=(ADMIN, SECURITY))
def settle() -> Response:
    """Say that a conflict is cleared up, and why; recorded with the name."""
    why = request.form.get("why", "")
    if why not in conflicts.WHYS:
        raise NotUnderstood("there is no such reason", "choose one from the list")
    conflicts.settle(here(), why, sessions.me().actor, g.now)
    return redirect(url_for(".show", done="settled"), 303)  # type: ignore[return-value]
