"""Keys for Sentry SDKs: every one, making one, and revoking one."""

from flask import Blueprint, Response, g, redirect, render_template, request, url_for

from diffgram_home import dsns, sessions
from diffgram_home.dsns import Key
from diffgram_home.permissions import ADMIN, ROLES, permission
from diffgram_home.sessions import here
from diffgram_home.trouble import NotHere, NotUnderstood

routes = Blueprint("dsns", __name__, url_prefix="/dsns")


@routes.get("")
@permission(roles=ROLES)
def show() -> str:
    """Every key, with the DSN to give to an SDK, and who made or revoked it."""
    found = dsns.every(here())
    shown = [(key, dsns.address(key, request.host_url)) for key in found]
    return render_template("dsns.html", keys=shown)


@routes.post("")
@permission(roles=[ADMIN])
def make() -> Response:
    """Make a key."""
    try:
        dsns.make(here(), request.form.get("label", "").strip(), sessions.me().actor, g.now)
    except dsns.DsnError as error:
        raise NotUnderstood(str(error.args[0]), error.hint) from error
    return redirect(url_for(".show", done="dsn-made"), 303)  # type: ignore[return-value]


@routes.get("/<int:number>/revoke")
@permission(roles=[ADMIN])
def look(number: int) -> str:
    """What revoking a key would do, before it does."""
    return render_template("dsn.html", one=_found(number))


@routes.post("/<int:number>/revoke")
@permission(roles=[ADMIN])
def revoke(number: int) -> Response:
    """Revoke a key."""
    dsns.revoke(here(), _found(number).number, sessions.me().actor, g.now)
    return redirect(url_for(".show", done="dsn-revoked"), 303)  # type: ignore[return-value]


def _found(number: int) -> Key:
    one = next((key for key in dsns.every(here()) if key.number == number and key.revoked_at is None), None)
    if one is None:
        raise NotHere("there is no key of this project that holds", "choose one on the page of keys")
    return one
