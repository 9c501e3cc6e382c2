"""Signing in and out, changing one's own password, and ending every session at once."""

from dataclasses import dataclass
from datetime import timedelta

from flask import Blueprint, Response, g, make_response, redirect, render_template, request, url_for

from diffgram_home import oidc, people, rendering, sessions
from diffgram_home.permissions import ROLES, WITHOUT_SIGN_IN, permission
from diffgram_home.sessions import here

routes = Blueprint("account", __name__)


@routes.get("/sign-in")
@permission(roles=WITHOUT_SIGN_IN)
def sign_in() -> str | Response:
    """The form to sign in."""
    if sessions.person():
        return redirect(rendering.start(sessions.person()), 303)  # type: ignore[return-value]
    return form(None, local(request.args.get("next", "")), "")


@routes.post("/sign-in")
@permission(roles=WITHOUT_SIGN_IN)
def signed_in() -> Response:
    """Start a session, or say why not. Nobody is told whether it was the name or the password that is wrong."""
    name, next_ = request.form.get("name", "").strip(), local(request.form.get("next", ""))
    provider = here().settings.oidc
    if provider is not None and provider.only:
        told = Told("accounts with a password are turned off here", f"sign in with {provider.name}")
        return make_response(form(told, next_, ""), 403)
    found = people.sign_in(here(), name, request.form.get("password", ""), request.remote_addr or "", g.now)
    if isinstance(found, people.Denied):
        return _denied(found, form(_told(found), next_, name))
    return _begun(found, rendering.start(found.person) if next_ == "/" else next_)


@routes.post("/sign-out")
@permission(roles=ROLES, allow_support=True)
def sign_out() -> Response:
    """End this session; where an identity provider began it, lead to where it ends its own."""
    theirs = oidc.leaving(here(), g.now) if sessions.me().issuer is not None else None
    people.sign_out(here(), sessions.token())
    if theirs is None:
        return _gone()
    answer = make_response(render_template("leading.html", to=theirs))
    sessions.forget(answer)
    return answer


@routes.post("/account/sign-out-everywhere")
@permission(roles=ROLES, allow_support=True)
def sign_out_everywhere() -> Response:
    """End every session of this person, this one included."""
    people.sign_out_everywhere(here(), sessions.me().name)
    return _gone()


@routes.get("/account")
@permission(roles=ROLES, allow_support=True)
def show() -> str:
    """Who I am here, and the forms for another password and for ending every session."""
    return _account(None)


@routes.post("/account/password")
@permission(roles=ROLES, allow_support=True)
def change_password() -> Response:
    """Change one's own password; every other session of this person ends."""
    old, new = request.form.get("old", ""), request.form.get("new", "")
    try:
        found = people.change_password(here(), sessions.me().name, old, new, request.remote_addr or "", g.now)
    except people.PeopleError as error:
        return make_response(_account(Told(str(error.args[0]), error.hint)), 400)
    if isinstance(found, people.Denied):
        return _denied(found, _account(_told(found)))
    return _begun(found, url_for(".show", done="password"))


@dataclass(frozen=True, slots=True)
class Told:
    """What a form says when it was not accepted, and what to do."""

    message: str
    hint: str


def form(error: Told | None, next_: str, name: str) -> str:
    """The page to sign in, with what went wrong if something did."""
    provider = here().settings.oidc
    by, only = (provider.name, provider.only) if provider is not None else ("", False)
    return render_template("sign_in.html", next=next_, error=error, name=name, by=by, only=only)


def _told(found: people.Denied) -> Told:
    if found.code == "wait":
        return Told("too many attempts that were wrong", f"wait {found.wait_s} seconds and try again")
    later = f"; wait {found.wait_s} seconds first" if found.wait_s else ""
    return Told("the name or the password is wrong", f"check both and try again{later}")


def _denied(found: people.Denied, page: str) -> Response:
    if found.code == "wait":
        return make_response(page, 429, {"Retry-After": str(found.wait_s)})
    return make_response(page, 401)


def _account(error: Told | None) -> str:
    idle_min, longest_h = people.IDLE // timedelta(minutes=1), people.LONGEST // timedelta(hours=1)
    return render_template(
        "account.html", error=error, idle_min=idle_min, longest_h=longest_h, shortest=people.MIN_PASSWORD
    )


def _begun(found: people.SignedIn, address: str) -> Response:
    answer: Response = redirect(address, 303)  # type: ignore[assignment]
    sessions.begin(answer, found)
    return answer


def local(address: str) -> str:
    """The address if it is a path on this installation, otherwise the overview: no form leads anywhere else."""
    plain = address.startswith("/") and not address.startswith("//") and "\\" not in address and address.isprintable()
    return address if plain else url_for("overview.show")


def _gone() -> Response:
    answer: Response = redirect(url_for(".sign_in"), 303)  # type: ignore[assignment]
    sessions.forget(answer)
    return answer
