"""The privacy notice for the product's end users, to read and to take along."""

from flask import Blueprint, Response, g, make_response, render_template

from diffgram_home import privacy
from diffgram_home.permissions import ROLES, permission
from diffgram_home.sessions import here

routes = Blueprint("privacy", __name__, url_prefix="/privacy")


@routes.get("")
@permission(roles=ROLES)
def show() -> str:
    """What to tell end users: what leaves now, and what never does."""
    return render_template("privacy.html", text=privacy.notice(here(), g.now))


@routes.get("/notice.md")
@permission(roles=ROLES)
def file() -> Response:
    """The same as a Markdown file."""
    answer = make_response(privacy.notice(here(), g.now))
    answer.content_type = "text/markdown; charset=utf-8"
    answer.headers["Content-Disposition"] = 'attachment; filename="privacy-notice.md"'
    return answer
