"""Who changed what, and when: every change is a record of the ledger, and none can be taken out unnoticed."""

from flask import Blueprint, render_template

from diffgram_home import reading
from diffgram_home.pages import asking
from diffgram_home.permissions import ROLES, permission
from diffgram_home.sessions import here

routes = Blueprint("history", __name__, url_prefix="/history")
PAGE = 100


@routes.get("")
@permission(roles=ROLES)
def show() -> str:
    """Every change, newest first."""
    found = reading.history(here(), before=asking.row("before"), limit=PAGE)
    return render_template("history.html", changes=found, older=found[-1].position if len(found) == PAGE else None)
