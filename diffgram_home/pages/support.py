"""Support: who asks for what and why; what would be answered; narrowing, approving, refusing, revoking, ending all.

Approving makes the answer and leads to its exact bytes, under Pending: there somebody lets them go, or not.
"""

from datetime import timedelta
from typing import Final

from flask import Blueprint, Response, g, redirect, render_template, request, url_for

from audit.approval import REASONS
from diffgram_home import sessions
from diffgram_home.pages.queue import WORDS
from diffgram_home.permissions import ADMIN, OPERATOR, ROLES, SECURITY, permission
from diffgram_home.sessions import here
from diffgram_home.supporting import deciding, looking
from diffgram_home.supporting.keeping import PENDING, SupportError
from diffgram_home.trouble import NotHere, NotUnderstood

routes = Blueprint("support", __name__, url_prefix="/support")
WHY_ASKED: Final = {
    "customer-asked": "you asked for help",
    "alert": "something at the vendor noticed trouble",
    "service": "work that was agreed on",
    "review": "looking after a change",
    "law": "somebody with the law on their side demands it",
}
ENDS: Final = (ADMIN, SECURITY, OPERATOR)


@routes.get("")
@permission(roles=ROLES)
def show() -> str:
    """What waits for a decision, grants that hold, and everything that was ever asked."""
    found = looking.history(here())
    return render_template("support.html", asked=found, why=WHY_ASKED, on=_is_on())


@routes.get("/<token>")
@permission(roles=ROLES)
def one(token: str) -> str:
    """One request: who, why, for how long, each route with what it would answer now; and what was decided."""
    found = _one(token)
    ask = found.state == PENDING and may_preview()
    previews = {p.route: p for p in looking.preview(here(), found.id, g.now)} if ask else {}
    words = {reason: WORDS[reason] for reason in REASONS}
    return render_template("support_one.html", one=found, why=WHY_ASKED, previews=previews, reasons=words)


@routes.post("/<token>/approve")
@permission(roles=[SECURITY])
def approve(token: str) -> Response:
    """Grant the ticked routes for the chosen time, make the answer, and lead to its exact bytes."""
    chosen, minutes = request.form.getlist("route"), request.form.get("minutes", "")
    if not chosen or not minutes.isdecimal():
        raise NotUnderstood("no route was ticked, or no time given; nothing was changed", "tick at least one route")
    actor, lasts = sessions.me().actor, timedelta(minutes=int(minutes[:5]))
    try:
        done = deciding.approve(here(), token, actor, SECURITY, g.now, routes=chosen, lasts=lasts)
    except SupportError as error:
        raise NotUnderstood(str(error.args[0]), error.hint) from error
    return redirect(url_for("queue.one", sha256=done.made[0].sha256, done="support-granted"), 303)  # type: ignore[return-value]


@routes.post("/<token>/refuse")
@permission(roles=ENDS)
def refuse(token: str) -> Response:
    """Refuse for the reason in the form; no route is asked."""
    reason, note = request.form.get("reason", ""), " ".join(request.form.get("note", "").split())
    if reason not in REASONS:
        raise NotUnderstood("no reason was given; nothing was changed", "choose one of the list")
    try:
        deciding.refuse(here(), token, sessions.me().actor, _role(), reason, g.now, note=note)
    except SupportError as error:
        raise NotUnderstood(str(error.args[0]), error.hint) from error
    return redirect(url_for(".one", token=token, done="support-refused"), 303)  # type: ignore[return-value]


@routes.post("/<token>/revoke")
@permission(roles=ENDS)
def revoke(token: str) -> Response:
    """End a grant at once."""
    try:
        deciding.revoke(here(), token, sessions.me().actor, _role(), g.now)
    except SupportError as error:
        raise NotUnderstood(str(error.args[0]), error.hint) from error
    return redirect(url_for(".one", token=token, done="support-ended"), 303)  # type: ignore[return-value]


@routes.post("/stop")
@permission(roles=ENDS)
def stop() -> Response:
    """End all support, until the case is switched on again."""
    deciding.stop(here(), sessions.me().actor, _role(), g.now)
    return redirect(url_for(".show", done="support-stopped"), 303)  # type: ignore[return-value]


def may_preview() -> bool:
    """Whether who looks may see what routes answer: whoever may decide."""
    return bool(set(ENDS) & set(sessions.me().roles))


def _role() -> str:
    """The role by which who is signed in decides."""
    return next(role for role in (SECURITY, ADMIN, OPERATOR) if role in sessions.me().roles)


def _one(token: str) -> looking.Asked:
    try:
        return looking.one(here(), token)
    except SupportError as error:
        raise NotHere(str(error.args[0]), "choose one on the page Support") from error


def _is_on() -> bool:
    return looking.is_on(here(), g.now)
