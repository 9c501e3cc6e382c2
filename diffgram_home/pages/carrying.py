"""By hand, where no network leads to corporate: files to carry out, answers to carry in, and who carried what."""

from typing import Final

from flask import Blueprint, Response, g, make_response, redirect, render_template, request, url_for

from audit import carried
from diffgram_home import answering, carrying, requests_by_hand, sessions
from diffgram_home.permissions import ADMIN, OPERATOR, ROLES, SECURITY, permission
from diffgram_home.sessions import here
from diffgram_home.trouble import NotUnderstood

routes = Blueprint("carrying", __name__, url_prefix="/by-hand")
MAY_CARRY: Final = (ADMIN, SECURITY, OPERATOR)
_TAKES: Final = "carrying.take"
_FORM_BYTES: Final = 64 * 1024


@routes.before_request
def make_room() -> None:
    """Let this one form be as large as a file of answers may be, for who is signed in."""
    if request.endpoint == _TAKES and sessions.person() is not None:
        request.max_content_length = carried.MAX_IN_BYTES + _FORM_BYTES


@routes.get("")
@permission(roles=ROLES)
def show() -> str:
    """What was carried by hand, when and by whom; the forms for more."""
    home = here()
    files = [(row, carrying.name(home, row.sha256), *carrying.contents(row)) for row in carrying.listed(home)]
    return render_template(
        "by_hand.html",
        files=files,
        waiting=carrying.waiting(home, g.now),
        asked=requests_by_hand.waiting(home),
        only=home.settings.sending.by_hand,
    )


@routes.post("")
@permission(roles=MAY_CARRY)
def out() -> Response:
    """Record that what waits is carried out, and offer the files."""
    done = carrying.carry_out(here(), None, sessions.me().actor, g.now)
    return redirect(url_for(".show", done="carried-out" if done.files else "nothing-waits"), 303)  # type: ignore[return-value]


@routes.get("/<sha256>")
@permission(roles=MAY_CARRY)
def download(sha256: str) -> Response:
    """A file that was carried out, the same to the byte, while all in it may still leave."""
    name, data = carrying.again(here(), sha256, g.now)
    answer = make_response(data)
    answer.content_type = "application/zip"
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


@routes.post("/answers")
@permission(roles=MAY_CARRY)
def take() -> Response:
    """Take in a file of corporate's answers."""
    given = request.files.get("file")
    if given is None or not given.filename:
        raise NotUnderstood("no file was chosen", "choose the file that corporate gave back")
    data = given.stream.read(carried.MAX_IN_BYTES + 1)
    answering.carry_in(here(), data, sessions.me().actor, g.now)
    return redirect(url_for(".show", done="carried-in"), 303)  # type: ignore[return-value]
