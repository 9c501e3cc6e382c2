"""Sign in and out."""

from datetime import UTC, datetime

from flask import Blueprint, g, make_response, redirect, render_template, request, url_for
from werkzeug import Response

from corporate import people
from corporate.pages.guarding import give_cookie, server

blueprint = Blueprint("signing_in", __name__)


@blueprint.get("/sign-in")
def form() -> Response:
    """The form."""
    if g.person is not None:
        return redirect(url_for("installations.list_all"), 303)
    return give_cookie(make_response(render_template("sign_in.html", refusal=None)), g.cookie)


@blueprint.post("/sign-in")
def sign_in() -> Response:
    """Start a session, or say why not."""
    name, password = request.form.get("name", ""), request.form.get("password", "")
    address = request.remote_addr or "?"
    made = people.sign_in(server().store, name, password, address, datetime.now(UTC))
    if isinstance(made, str):
        return give_cookie(redirect(url_for("installations.list_all"), 303), made)
    answer = make_response(render_template("sign_in.html", refusal=made, name=name), 429 if made.wait_s else 401)
    if made.wait_s:
        answer.headers["Retry-After"] = str(made.wait_s)
    return answer


@blueprint.post("/sign-out")
def sign_out() -> Response:
    """End the session."""
    people.sign_out(server().store, g.cookie)
    return redirect(url_for("signing_in.form"), 303)
