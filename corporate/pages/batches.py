"""Received messages, the batch each came in, its exact bytes and its receipt; and the releases that explain them."""

import json

from flask import Blueprint, Response, abort, render_template, request

from audit import receipt, signed
from audit.catalogue import CASES, Catalogue, Field
from audit.errors import SignatureRefused
from audit.types import TYPES
from corporate import reading, releases, uploading
from corporate.models import Batch
from corporate.pages.guarding import server
from corporate.reading import Filter

blueprint = Blueprint("batches", __name__)
LARGEST = 2**63 - 1  # no database numbers its rows beyond it


@blueprint.get("/received")
def received() -> str:
    """The newest messages."""
    chosen = Filter(
        kind=request.args.get("kind") or None,
        case=request.args.get("case") or None,
        installation=request.args.get("installation") or None,
        before=pair(request.args.get("before", "")),
    )
    store = server().store
    rows = reading.messages(store, chosen)
    more = f"{rows[-1].batch_id}.{rows[-1].position}" if len(rows) == reading.PAGE else None
    return render_template(
        "received.html", rows=rows, chosen=chosen, more=more, kinds=reading.kinds(store), cases=CASES
    )


@blueprint.get("/batches/<int:wanted>")
def show(wanted: int) -> str:
    """One batch: the bytes, as far as they are still here, what each field is, and the receipt."""
    found, customer, lines = _batch(wanted)
    if found.deleted_at is not None:
        return render_template("batch.html", batch=found, customer=customer, signature=_signature(found))
    return render_template(
        "batch.html",
        batch=found,
        customer=customer,
        lines=lines,
        types=TYPES,
        fields=_fields(server().catalogue(json.loads(found.header)["catalogue"]), lines),
        told=json.loads(found.header).get("transforms", {}),
        signature=_signature(found),
    )


@blueprint.get("/batches/<int:wanted>/body")
def body(wanted: int) -> Response:
    """The exact bytes that were received, unless they, or a field of theirs, were deleted since."""
    found, _, lines = _batch(wanted)
    if found.deleted_at is not None or found.altered_at is not None:
        abort(410, "The bytes that were received are not here any more: they were deleted as the customer asked.")
    data = "".join(f"{line}\n" for line in lines).encode()
    return _file(data, "application/x-ndjson", f"{found.sha256}.ndjson")


@blueprint.get("/batches/<int:wanted>/receipt")
def receipt_file(wanted: int) -> Response:
    """The signed receipt."""
    found, _, _ = _batch(wanted)
    return _file(found.receipt.encode(), "application/jose", f"{found.sha256}.receipt.jws")


@blueprint.get("/releases")
def list_releases() -> str:
    """Catalogues and indexes that batches may name."""
    return render_template(
        "releases.html", rows=releases.every(server().store), uploaded=uploading.held(server().store)
    )


def _signature(batch: Batch) -> str:
    """Whose the receipt's signature is: `present`, `earlier` (the key was rotated since), or `wrong`."""
    try:
        given = receipt.read(batch.receipt, signed.ring(server().keys.receipts.public_key()))
    except SignatureRefused as refused:
        return "earlier" if refused.code == "key-unknown" else "wrong"
    return "present" if given.sha256 == batch.sha256 else "wrong"


def _batch(wanted: int) -> tuple[Batch, str, list[str]]:
    found = reading.batch(server().store, wanted) if wanted <= LARGEST else None
    if found is None:
        abort(404, "There is no such batch.")
    return found


def _fields(known: Catalogue | None, lines: list[str]) -> dict[str, list[Field]]:
    """The definitions of the fields in this batch's messages, by kind of message."""
    found: dict[str, dict[str, Field]] = {}
    for line in lines[1:] if known is not None else ():
        message = json.loads(line)
        stated = known.of_kind(message["kind"])  # type: ignore[union-attr]
        found.setdefault(message["kind"], {}).update({key: stated[key] for key in message if key in stated})
    return {kind: [fields[key] for key in sorted(fields)] for kind, fields in sorted(found.items())}


def pair(text: str) -> tuple[int, int] | None:
    """Batch and position as an address has them, `12.3`; None for anything else."""
    batch, dot, position = text.partition(".")
    if not dot or not (batch + position).isascii() or not (batch.isdigit() and position.isdigit()):
        return None
    return min(int(batch[:19]), LARGEST), min(int(position[:19]), LARGEST)


def _file(data: bytes, media_type: str, name: str) -> Response:
    disposition = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(data, mimetype=media_type, headers=disposition)
