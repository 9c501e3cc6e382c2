"""Every attempt to send, and one attempt in full: the same bytes at every step, and what each value in them means."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, make_response, render_template, request

from audit.catalogue import ENVELOPE, Catalogue, Kind
from audit.modes import MODES
from diffgram_home import catalogues, deletions, drawing, pieces, proofs, reading, views
from diffgram_home.attempts import BY_HAND
from diffgram_home.home import Home
from diffgram_home.models import OUTCOMES
from diffgram_home.pages import asking
from diffgram_home.permissions import ROLES, permission
from diffgram_home.sessions import here
from diffgram_home.trouble import NotHere, NotUnderstood

routes = Blueprint("sent", __name__, url_prefix="/sent")
PAGE = 50
LINES = 100
_ATTEMPTS, _OUTCOMES = ("attempt", "attempt-by-hand"), ("outcome", "outcome-by-hand")


@dataclass(frozen=True, slots=True)
class Meaning:
    """The definitions that some lines use, and the kinds of message among them."""

    fields: tuple[views.Field, ...]
    kinds: tuple[Kind, ...]


def definitions(home: Home, lines: Sequence[pieces.Line], catalogue: Catalogue) -> Meaning:
    """What stands beside lines that `catalogue` explains: each definition once, with the decision about it."""
    known = {field.name: field for field in reading.fields(home, catalogue=catalogue)}
    kinds = tuple(catalogue.kinds[name] for name in pieces.kinds(lines) if name in catalogue.kinds)
    return Meaning(tuple(known[name] for name in pieces.used(lines) if name in known), kinds)


@routes.get("")
@permission(roles=ROLES)
def show() -> str:
    """Every attempt, newest first."""
    case, outcome = request.args.get("case") or None, request.args.get("outcome") or None
    if case not in (None, *MODES) or outcome not in (None, *OUTCOMES):
        raise NotUnderstood("there is no such case or outcome", "choose one from the lists on the page")
    before = asking.row("before")
    found = reading.sent(here(), case=case, outcome=outcome, before=before, limit=PAGE)
    return render_template(
        "sent.html", attempts=found, case=case, outcome=outcome, cases=MODES, outcomes=OUTCOMES, before=before,
        older=found[-1].id if len(found) == PAGE else None,
        deleted=deletions.marks(here(), {line.sha256 for line in found}),
    )  # fmt: skip


@routes.get("/<int:number>")
@permission(roles=ROLES)
def one(number: int) -> str:
    """One attempt in full: the same bytes at every step, the receipt, the way to the root."""
    home, page = here(), _found(number)
    first = max(1, asking.row("from") or 1)
    words = catalogues.of(home, page.body or b"")
    body = pieces.body(page.body or b"", words.catalogue, first=first, most=LINES)
    around = tuple(field for field in reading.fields(home) if ENVELOPE in field.kinds)
    return render_template(
        "attempt.html",
        page=page,
        line=page.line,
        body=body,
        meaning=definitions(home, body.lines, words.catalogue),
        words=words,
        around=around,
        steps=_by_name(page),
        proof=_proof(page.inclusion),
        by_hand=page.line.destination == BY_HAND,
        deleted=deletions.marks(home, [page.line.sha256]).get(page.line.sha256),
    )


@routes.get("/<int:number>/bytes")
@permission(roles=ROLES)
def download(number: int) -> Response:
    """The exact bytes of the attempt, before Content-Encoding."""
    page = _found(number)
    if page.body is None:
        raise NotHere("the bytes of this attempt have gone by age", "their hash, and every proof, are still there")
    return _file(page.body, "application/x-ndjson", f"{page.line.case}-{page.line.sequence}.ndjson")


@routes.get("/<int:number>/receipt")
@permission(roles=ROLES)
def receipt(number: int) -> Response:
    """Corporate's signed receipt as it came: a compact JWS."""
    page = _found(number)
    if page.receipt is None:
        raise NotHere("corporate has signed nothing for this attempt", "look at its outcome, or at a later attempt")
    return _file(page.receipt.token.encode(), "application/jose", f"{page.line.case}-{page.line.sequence}.receipt.jws")


@routes.get("/<int:number>/proof")
@permission(roles=ROLES)
def proof(number: int) -> Response:
    """The proof that the ledger holds this attempt, as a `.tlog-proof` that verifiers of other projects read."""
    found = proofs.of_attempt(here(), number) if number < 2**63 else None
    if found is None:
        raise NotHere(f"there is no attempt with the number {number}", "find it in the list under Sent")
    return _file(found.text.encode(), "text/plain; charset=utf-8", found.name)


def _found(number: int) -> views.AttemptPage:
    page = reading.attempt(here(), number, lines=0) if number < 2**63 else None
    if page is None:
        raise NotHere(f"there is no attempt with the number {number}", "find it in the list under Sent")
    return page


def _by_name(page: views.AttemptPage) -> Mapping[str, views.Step]:
    """The steps that concern this attempt by what they are: its batch's sealing, its own record, its own outcome."""
    own = _own_leaf(page)
    found = {step.what: step for step in page.steps if step.what not in (*_ATTEMPTS, *_OUTCOMES)}
    for step in page.steps:
        if step.position == own:
            found["attempt"] = step
        elif step.what in _OUTCOMES and _names(step, own):
            found["outcome"] = step
    return found


def _own_leaf(page: views.AttemptPage) -> int:
    """The leaf of the attempt itself; what the page proves may be its outcome, which names that leaf."""
    proved = next((step for step in page.steps if step.position == page.inclusion.position), None)
    if proved and proved.what in _OUTCOMES:
        return int(json.loads(proved.data)["attempt"])
    return page.inclusion.position


def _names(outcome: views.Step, leaf: int) -> bool:
    return bool(json.loads(outcome.data)["attempt"] == leaf)


def _proof(inclusion: views.Inclusion) -> tuple[drawing.Step, ...]:
    path = [bytes.fromhex(hash_) for hash_ in inclusion.path]
    return drawing.proof_steps(inclusion.position, inclusion.size, bytes.fromhex(inclusion.leaf_hash), path)


def _file(data: bytes, content_type: str, name: str) -> Response:
    headers: dict[str, Any] = {"Content-Disposition": f'attachment; filename="{name}"'}
    answer = make_response(data, 200, headers)
    answer.content_type = content_type
    return answer
