"""The four Limited Cases and their modes. What a switch costs is shown first, and confirmed."""

from dataclasses import dataclass

from flask import Blueprint, Response, g, redirect, render_template, request, url_for

from diffgram_home import queueing, reading, sessions, switching, views
from diffgram_home.permissions import ADMIN, OPERATOR, ROLES, SECURITY, permission
from diffgram_home.sessions import here
from diffgram_home.trouble import NotHere, NotUnderstood

routes = Blueprint("cases", __name__, url_prefix="/cases")
MAY_SWITCH = (ADMIN, SECURITY, OPERATOR)
KIND_MODES = ("off", "local", "on")


@dataclass(frozen=True, slots=True)
class Wish:
    """A switch that somebody considers: a case, or one kind in it, from one mode to another."""

    case: views.Case
    kind: str | None
    before: str
    after: str


@routes.get("")
@permission(roles=ROLES)
def show() -> str:
    """The four cases, their kinds, and their modes."""
    kinds = here().catalogue.kinds
    asks = {rule.case: rule.asks for rule in queueing.ruled(here())}
    return render_template("cases.html", cases=reading.cases(here()), kinds=kinds, kind_modes=KIND_MODES, approval=asks)


@routes.get("/<case>/<mode>")
@permission(roles=MAY_SWITCH)
def ask(case: str, mode: str) -> str:
    """What the switch would do, before it does."""
    wish = _wish(case, mode, request.args.get("kind") or None)
    waiting = reading.pending(here(), case=case, limit=1, lines=0)
    return render_template("switch.html", wish=wish, waiting=waiting)


@routes.post("/<case>/<mode>")
@permission(roles=MAY_SWITCH)
def switch(case: str, mode: str) -> Response:
    """Switch, record who did, and make it hold at once."""
    wish = _wish(case, mode, request.form.get("kind") or None)
    switching.set_mode(here(), wish.case.case, wish.kind, wish.after, sessions.me().actor, g.now)
    done = "on" if wish.after == "on" else "switched"
    return redirect(url_for(".show", done=done), 303)  # type: ignore[return-value]


def _wish(name: str, mode: str, kind: str | None) -> Wish:
    case = next((found for found in reading.cases(here()) if found.case == name), None)
    if case is None:
        raise NotHere("there is no such case", "choose one of the four under Cases")
    if kind is not None and kind not in case.kinds:
        raise NotHere("this case has no such kind of message", "choose one from the list under Cases")
    if mode not in (KIND_MODES if kind else case.modes):
        raise NotHere("this case has no such mode", "choose one of those shown under Cases")
    if not case.installed:
        raise NotUnderstood("this case is not installed, so it has nothing to switch", "it comes with a later release")
    return Wish(case, kind, case.own_kinds[kind] if kind else case.own, mode)
