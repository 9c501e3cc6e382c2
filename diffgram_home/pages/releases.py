"""What corporate published: every catalogue, and what a newer one would change here."""

from flask import Blueprint, Response, make_response, render_template

from diffgram_home import listing
from diffgram_home.permissions import ROLES, permission
from diffgram_home.sessions import here
from diffgram_home.trouble import NotHere

routes = Blueprint("releases", __name__, url_prefix="/releases")


@routes.get("")
@permission(roles=ROLES)
def show() -> str:
    """The published list of catalogues, newest first, beside the one that is installed."""
    home = here()
    pinned = home.settings.product.index and home.settings.product.index.sha256
    shown = {"releases": listing.releases(home), "signature": home.signature, "pinned": pinned}
    return render_template("releases.html", **shown)


@routes.get("/checkpoint")
@permission(roles=ROLES)
def checkpoint() -> Response:
    """The list's signed checkpoint, to compare with another customer's."""
    note = listing.checkpoint(here())
    if note is None:
        raise NotHere("no list has been shown here yet", "it comes with the first receipt")
    answer = make_response(note)
    answer.content_type = "text/plain; charset=utf-8"
    answer.headers["Content-Disposition"] = 'attachment; filename="published-list.txt"'
    return answer
