"""The ledger's checkpoints: each to keep elsewhere, and the proof that the ledger only grew between two of them."""

from flask import Blueprint, Response, make_response, render_template, request

from diffgram_home import elsewhere, proofs, reading
from diffgram_home.errors import LedgerError
from diffgram_home.permissions import ROLES, permission
from diffgram_home.sessions import here
from diffgram_home.trouble import NotHere, NotUnderstood

routes = Blueprint("checkpoints", __name__)
PAGE = 50


@routes.get("/checkpoints")
@permission(roles=ROLES)
def show() -> str:
    """Every checkpoint, newest first."""
    before = request.args.get("before", None, int)
    found = reading.checkpoints(here(), before=before, limit=PAGE)
    older = found[-1].size if len(found) == PAGE else None
    return render_template(
        "checkpoints.html", checkpoints=found, older=older, before=before, places=elsewhere.standing(here())
    )


@routes.get("/checkpoint")
@permission(roles=ROLES)
def newest() -> Response:
    """The newest checkpoint of the ledger, a signed note to keep elsewhere: a shortened ledger then shows."""
    found = reading.checkpoints(here(), limit=1)
    if not found:
        raise NotHere("there is no checkpoint yet", "wait until the first record is in the ledger")
    return _file(found[0].text, "checkpoint.txt")


@routes.get("/checkpoints/<int:size>")
@permission(roles=ROLES)
def one(size: int) -> Response:
    """The checkpoint that was signed when the ledger had so many records."""
    found = reading.checkpoints(here(), before=size + 1, limit=1) if size < 2**62 else ()
    if not found or found[0].size != size:
        raise NotHere(f"there is no checkpoint of {size} records", "choose one from the list of checkpoints")
    return _file(found[0].text, f"checkpoint-{size}.txt")


@routes.get("/checkpoints/consistency")
@permission(roles=ROLES)
def consistency() -> Response:
    """The proof that the ledger only grew from one checkpoint to another."""
    sizes = sorted(request.args.get(name, 0, int) for name in ("old", "new"))
    if not 0 < sizes[0] <= sizes[1] < 2**62:
        raise NotUnderstood("two sizes are needed", "give the numbers of records of two checkpoints in the list")
    try:
        text = proofs.consistency_of_sizes(here(), *sizes)
    except LedgerError as error:
        raise NotHere(str(error.args[0]), error.hint) from error
    return _file(text, f"consistency-{sizes[0]}-{sizes[1]}.txt")


def _file(text: str, name: str) -> Response:
    answer = make_response(text)
    answer.content_type = "text/plain; charset=utf-8"
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer
