"""All installations, and one of them."""

from datetime import UTC, datetime

from flask import Blueprint, abort, g, redirect, render_template, request, url_for
from werkzeug import Response

from corporate import enrolment, reading
from corporate.pages.guarding import server

blueprint = Blueprint("installations", __name__)


@blueprint.get("/")
def list_all() -> str:
    """Every installation, and what is wrong with it."""
    return render_template("installations.html", rows=reading.installations(server().store))


@blueprint.get("/installations/<wanted>")
def show(wanted: str) -> str:
    """One installation."""
    found = reading.installation(server().store, wanted)
    if found is None:
        abort(404, "There is no such installation.")
    return render_template("installation.html", one=found, now=datetime.now(UTC))


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
    enrolment.allow_signature(server().store, wanted, request.form.get("allowed") == "yes")
    return redirect(url_for("installations.show", wanted=wanted), 303)


def _known(wanted: str) -> None:
    if reading.installation(server().store, wanted) is None:
        abort(404, "There is no such installation.")
