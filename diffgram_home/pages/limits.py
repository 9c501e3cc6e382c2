"""What this does not protect: said on a page of its own, in plain words, so that nobody has to find out."""

from flask import Blueprint, render_template

from diffgram_home.permissions import ROLES, permission
from diffgram_home.sessions import here

routes = Blueprint("limits", __name__)


@routes.get("/limits")
@permission(roles=ROLES)
def show() -> str:
    """What this installation does not protect, in plain words."""
    return render_template("limits.html", settings=here().settings)
