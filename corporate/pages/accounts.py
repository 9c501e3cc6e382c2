"""Who may sign in here: the list, and the deletion of an account."""

from datetime import UTC, datetime

from flask import Blueprint, abort, g, make_response, redirect, render_template, request, url_for
from werkzeug import Response

from corporate import people
from corporate.errors import OperatorError
from corporate.pages.guarding import server

blueprint = Blueprint("accounts", __name__)


@blueprint.get("/accounts")
def list_all() -> Response:
    """Every account."""
    return _page()


@blueprint.post("/accounts/delete")
def delete() -> Response:
    """Delete one, once its name was typed again. Who deletes their own is signed out by it."""
    name = request.form.get("name", "")
    if request.form.get("typed", "").strip() != name:
        return _page("nothing was deleted: type the name of the account to confirm", 400)
    try:
        people.remove(server().store, name, g.person.name, datetime.now(UTC))
    except OperatorError as e:
        if e.code == "account":
            abort(404, "There is no such account.")
        return _page(f"nothing was deleted: {e.message}: {e.hint}", 400)
    return redirect(url_for("accounts.list_all"), 303)  # type: ignore[return-value]


def _page(fault: str = "", status: int = 200) -> Response:
    rows = people.listed(server().store, datetime.now(UTC))
    return make_response(render_template("accounts.html", rows=rows, fault=fault), status)
