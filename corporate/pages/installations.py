"""All installations, and one of them."""

from datetime import UTC, datetime

from flask import Blueprint, abort, g, make_response, redirect, render_template, request, url_for
from werkzeug import Response

from audit import instructions
from corporate import completeness, enrolment, incidents, instructing, reading
from corporate.errors import OperatorError
from corporate.keys import INSTRUCTIONS
from corporate.pages.guarding import server

blueprint = Blueprint("installations", __name__)


@blueprint.get("/")
def list_all() -> str:
    """Every installation, and what is wrong with it."""
    return render_template("installations.html", rows=reading.installations(server().store))


@blueprint.get("/installations/<wanted>")
def show(wanted: str) -> Response:
    """One installation."""
    return _shown(wanted)


@blueprint.post("/installations/<wanted>/revoke")
def revoke(wanted: str) -> Response:
    """Refuse it from now on; the consequence stands beside the button, and has to be confirmed."""
    _known(wanted)
    if request.form.get("understood") == "yes":
        enrolment.revoke(server().store, wanted, g.person.name, datetime.now(UTC))
    return redirect(url_for("installations.show", wanted=wanted), 303)


@blueprint.post("/installations/<wanted>/signature")
def signature(wanted: str) -> Response:
    """Whether it may send by signature alone."""
    _known(wanted)
    allowed = request.form.get("allowed") == "yes"
    enrolment.allow_signature(server().store, wanted, allowed, g.person.name, datetime.now(UTC))
    return redirect(url_for("installations.show", wanted=wanted), 303)


@blueprint.post("/installations/<wanted>/ask")
def ask(wanted: str) -> Response:
    """Ask it, or all installations of its customer, for less; it can only be less."""
    _known(wanted)
    given, days = request.form, request.form.get("days", "")
    customer = reading.installation(server().store, wanted).row.customer  # type: ignore[union-attr]
    wish = instructing.Wish(
        customer=customer,
        installation=None if given.get("everywhere") == "yes" else wanted,
        what=given.get("what", ""),
        name=given.get("name", "").strip(),
        to=given.get("to", ""),
        why=given.get("why", ""),
        days=int(days) if days.isascii() and days.isdigit() and len(days) < 5 else 0,
    )
    try:
        key = server().keys.of(INSTRUCTIONS)
        instructing.ask(server().store, key, wish, g.person.name, datetime.now(UTC))
    except OperatorError as e:
        return _shown(wanted, f"{e.message}: {e.hint}", 400)
    return redirect(url_for("installations.show", wanted=wanted) + "#asked", 303)


@blueprint.post("/installations/<wanted>/asks/<int:number>/lift")
def lift(wanted: str, number: int) -> Response:
    """Ask no longer: the customer's own setting holds again with the next answer."""
    _known(wanted)
    try:
        key = server().keys.of(INSTRUCTIONS)
        instructing.lift(server().store, key, min(number, 2**63 - 1), g.person.name, datetime.now(UTC))
    except OperatorError as e:
        return _shown(wanted, f"{e.message}: {e.hint}", 400)
    return redirect(url_for("installations.show", wanted=wanted) + "#asked", 303)


@blueprint.get("/incidents")
def list_incidents() -> str:
    """Every Unexpected Data Transfer, newest first."""
    return render_template("incidents.html", incidents=incidents.listed(server().store, limit=reading.PAGE))


@blueprint.post("/incidents/<token>/close")
def close_incident(token: str) -> Response:
    """Somebody has looked into it, and says so with their name."""
    try:
        incidents.close(server().store, token, g.person.name, datetime.now(UTC))
    except OperatorError as e:
        abort(404, f"{e.message}: {e.hint}")
    return redirect(url_for("installations.list_incidents"), 303)


@blueprint.post("/installations/<wanted>/settle")
def settle(wanted: str) -> Response:
    """Say that its conflicts are cleared up; another one shows again."""
    _known(wanted)
    completeness.settle(server().store, wanted, g.person.name, datetime.now(UTC))
    return redirect(url_for("installations.show", wanted=wanted), 303)


def _shown(wanted: str, fault: str = "", status: int = 200) -> Response:
    store, now = server().store, datetime.now(UTC)
    found = reading.installation(store, wanted)
    if found is None:
        abort(404, "There is no such installation.")
    page = render_template(
        "installation.html",
        one=found,
        now=now,
        fault=fault,
        incidents=incidents.listed(store, installation=wanted, limit=reading.PAGE),
        asks=instructing.listed(store, installation=wanted, limit=reading.PAGE),
        whats=instructions.WHATS,
        tos=tuple(dict.fromkeys(to for offered in instructions.TO.values() for to in offered)),
        whys=instructions.WHYS,
    )
    return make_response(page, status)


def _known(wanted: str) -> None:
    if reading.installation(server().store, wanted) is None:
        abort(404, "There is no such installation.")
