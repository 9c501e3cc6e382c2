"""Files that were carried here by hand: take one in, see what became of it, and the answers to carry back."""

from datetime import UTC, datetime
from typing import Final

from flask import Blueprint, Response, abort, g, render_template, request

from audit import container
from audit.errors import AuditError
from corporate import importing
from corporate.errors import OperatorError
from corporate.pages.batches import LARGEST
from corporate.pages.guarding import server

blueprint = Blueprint("carrying", __name__)
_TAKES: Final = "carrying.take"
_FORM_BYTES: Final = 64 * 1024


def make_room() -> None:
    """Let this one form be as large as a file may be; strangers are sent away before a byte of it is read."""
    if request.endpoint == _TAKES:
        request.max_content_length = container.MAX_BYTES + _FORM_BYTES


@blueprint.get("/carried")
def show() -> str:
    """Earlier imports, and the form for another."""
    return _page()


@blueprint.post("/carried")
def take() -> tuple[str, int] | Response:
    """Take one file in; what became of each batch stands on the page, and in the file of answers.

    Who has left by it gets the file of answers at once: nothing is kept of them to fetch it from later.
    """
    given = request.files.get("file")
    if given is None or not given.filename:
        return _page(fault="no file was chosen: choose the one that the customer brought"), 400
    try:
        data = given.stream.read(container.MAX_BYTES + 1)
        taken = importing.take(server(), data, g.person.name, datetime.now(UTC))
    except (AuditError, OperatorError) as error:
        return _page(fault=f"nothing of this file was used: {error}: {error.hint}"), 400
    return _file(taken.name, taken.data) if taken.id is None else (_page(taken), 201)


@blueprint.get("/carried/<int:wanted>/answers")
def answers(wanted: int) -> Response:
    """The file of answers that an import gave."""
    found = importing.answers_of(server().store, wanted) if wanted <= LARGEST else None
    if found is None:
        abort(404, "There is no such import.")
    return _file(*found)


def _file(name: str, data: bytes) -> Response:
    disposition = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(data, mimetype="application/zip", headers=disposition)


def _page(taken: importing.Taken | None = None, fault: str = "") -> str:
    rows = importing.imports(server().store)
    return render_template("carried.html", taken=taken, fault=fault, rows=rows, most=container.MAX_BYTES // 2**20)
