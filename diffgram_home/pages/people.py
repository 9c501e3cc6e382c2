"""The people who may sign in, and deleting an account: the name goes, what the ledger has under a number stays."""

from flask import Blueprint, Response, g, redirect, render_template, request, url_for

from diffgram_home import people, sessions
from diffgram_home.people import Person
from diffgram_home.permissions import ADMIN, permission
from diffgram_home.sessions import here
from diffgram_home.trouble import NotHere, NotUnderstood

routes = Blueprint("people", __name__, url_prefix="/people")


@routes.get("")
@permission(roles=[ADMIN])
def show() -> str:
    """Every account, its roles, who made it, and how the ledger names it."""
    return render_template("people.html", accounts=people.accounts(here()))


@routes.get("/<int:number>/delete")
@permission(roles=[ADMIN])
def look(number: int) -> str:
    """What deleting an account would do, before it does."""
    return render_template("person.html", one=_found(number))


@routes.post("/<int:number>/delete")
@permission(roles=[ADMIN])
def delete(number: int) -> Response:
    """Delete an account for good; who deletes their own is signed out."""
    one = _found(number)
    if request.form.get("name") != one.name:
        raise NotUnderstood("the name does not fit the account", "look at it again, and confirm there")
    people.erase(here(), one.name, sessions.me().actor, g.now)
    if one.name == sessions.me().name:
        answer: Response = redirect(url_for("account.sign_in"), 303)  # type: ignore[assignment]
        sessions.forget(answer)
        return answer
    return redirect(url_for(".show", done="person-deleted"), 303)  # type: ignore[return-value]


def _found(number: int) -> Person:
    one = next((one for one in people.accounts(here()) if one.number == number), None)
    if one is None:
        raise NotHere("there is no such account", "choose one under People")
    return one
