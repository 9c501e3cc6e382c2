"""The files that pages are made of, and whether something new was recorded."""

from flask import Blueprint, Response, request, send_from_directory

from diffgram_home import reading, rendering
from diffgram_home.permissions import ROLES, WITHOUT_SIGN_IN, permission
from diffgram_home.security import ONE_YEAR_S
from diffgram_home.sessions import here
from diffgram_home.trouble import NotHere

routes = Blueprint("files", __name__)
_NAMES = frozenset(path.name for path in rendering.STATIC.iterdir() if path.is_file())


@routes.get("/static/<name>")
@permission(roles=WITHOUT_SIGN_IN)
def static(name: str) -> Response:
    """One of our own files: the stylesheet, the script, the icon. Strangers need them to see the sign-in page."""
    if name not in _NAMES:
        raise NotHere("there is no such file here", "begin at the overview")
    answer = send_from_directory(rendering.STATIC, name)
    if request.args.get("v") == rendering.version_of(name):
        answer.headers["Cache-Control"] = f"public, max-age={ONE_YEAR_S}, immutable"
    return answer


@routes.get("/favicon.ico")
@permission(roles=WITHOUT_SIGN_IN)
def icon() -> Response:
    """Browsers ask for this by themselves."""
    return send_from_directory(rendering.STATIC, "favicon.svg")


@routes.get("/pulse")
@permission(roles=ROLES)
def pulse() -> dict[str, str]:
    """A word that changes when something was recorded or is newly waiting; it never counts as use of a session."""
    return {"state": reading.state(here())}
