"""Deletion: what corporate is asked to delete, seen to the byte first, and what it says to have deleted.

No page reaches the network: a request that was confirmed is kept, and the scheduler sends it at its next round.
"""

from datetime import UTC, datetime
from typing import Any, Final

from flask import Blueprint, Response, g, make_response, redirect, render_template, request, url_for

from audit import deletion
from audit.catalogue import CASES
from audit.deletion import Scope
from diffgram_home import deleting, deletions, enrolment, leaving, reading, sessions, switching
from diffgram_home.pages import asking
from diffgram_home.permissions import ADMIN, ROLES, SECURITY, permission
from diffgram_home.sessions import here
from diffgram_home.trouble import NotHere, NotUnderstood

routes = Blueprint("deletion", __name__, url_prefix="/deletion")
MAY_ASK: Final = (ADMIN, SECURITY)
SHOWN: Final = 100
_MOST_BYTES: Final = 128 * 1024  # of a statement that is brought here


@routes.get("")
@permission(roles=ROLES)
def show() -> str:
    """What was asked to be deleted and what came of it, and the forms to ask for more."""
    home = here()
    asked = deletions.listed(home, SHOWN)
    return render_template(
        "deletion.html",
        asked=asked,
        words=deletions.words,
        older=deletions.count(home) - len(asked),
        waiting=bool(deleting.waiting(home)),
        fields=deleting.fields(home),
        cases=CASES,
        chosen=request.args.get("attempt", ""),
        enrolled=enrolment.is_enrolled(home),
        by_hand=home.settings.sending.by_hand,
        every_s=home.settings.sending.every_s,
        now=g.now,
    )


@routes.get("/look")
@permission(roles=MAY_ASK)
def look() -> str:
    """The very bytes that corporate would get, and what they name. Looking changes nothing."""
    home = here()
    shown = deleting.preview(home, _scope(request.args), g.now)
    field = deletions.field_of(home, shown.scope)
    return render_template(
        "deletion_look.html",
        shown=shown,
        words=deletions.words(shown.scope),
        field=field,
        off=field is not None and field in _switched_off(),
    )


@routes.post("")
@permission(roles=MAY_ASK)
def ask() -> Response:
    """Keep the request that was shown, and have it sent; switch its field off too, where that was chosen."""
    home, actor = here(), sessions.me().actor
    body = request.form.get("body", "").encode() + b"\n"  # a form would make another line end of it
    try:
        shown = deleting.shown(home, body)
    except ValueError as error:
        raise NotUnderstood("this is no request that was shown here", "look at it anew") from error
    if shown.scope.what == deletion.LEAVING:
        raise NotUnderstood("leaving has a page of its own", "begin it there")
    field = deletions.field_of(home, shown.scope)
    if field is not None and request.form.get("off") == "yes":
        switching.set_fields(home, [field], "off", actor, g.now)
    number = deleting.ask(home, body, actor, g.now)
    deleting.want(home, [number])
    return redirect(url_for(".show", done="asked"), 303)  # type: ignore[return-value]


@routes.post("/again")
@permission(roles=MAY_ASK)
def again() -> Response:
    """Have every request that was not answered sent once more."""
    waiting = deleting.again(here(), deleting.waiting(here()), sessions.me().actor, g.now)
    deleting.want(here(), waiting)
    return redirect(url_for(".show", done="asked" if waiting else "same"), 303)  # type: ignore[return-value]


@routes.post("/statement")
@permission(roles=MAY_ASK)
def take() -> Response:
    """Take in a statement that corporate gave by hand."""
    given = request.files.get("file")
    if given is None or not given.filename:
        raise NotUnderstood("no file was chosen", "choose the statement that corporate gave you")
    token = given.stream.read(_MOST_BYTES).decode("ascii", "replace")
    fresh = deleting.take(here(), token, sessions.me().actor, g.now)
    return redirect(url_for(".show", done="statement-in" if fresh else "statement-known"), 303)  # type: ignore[return-value]


@routes.get("/leave")
@permission(roles=MAY_ASK)
def leave() -> str:
    """What leaving corporate altogether would do, or how far it has come."""
    home = here()
    return render_template(
        "leave.html",
        plan=leaving.plan(home, g.now),
        rest=leaving.rest(home),
        by_hand=home.settings.sending.by_hand,
        installation=home.installation,
    )


@routes.post("/leave")
@permission(roles=MAY_ASK)
def left() -> Response:
    """Switch every case off and have the request sent; the identity ends when corporate's statement is here."""
    body = request.form.get("body", "").encode()
    plan = leaving.plan(here(), g.now)
    if plan.state == leaving.LEFT:
        return redirect(url_for(".leave"), 303)  # type: ignore[return-value]
    if request.form.get("confirm") != "leave" or (plan.shown is not None and not body):
        raise NotUnderstood("this is no request that was shown here", "look at it anew")
    number = leaving.begin(here(), body + b"\n" if body else None, sessions.me().actor, g.now)
    if number is not None:
        deleting.want(here(), [number])
    return redirect(url_for(".leave", done="leaving"), 303)  # type: ignore[return-value]


@routes.get("/requests/<int:number>")
@permission(roles=ROLES)
def sent(number: int) -> Response:
    """The exact bytes of a request for deletion."""
    body = deletions.body(here(), number) if number <= asking.LARGEST else None
    if body is None:
        raise NotHere("there is no such request, or its bytes have gone by age", "choose one under Deletion")
    return _file(body, "application/json", f"deletion-request-{number}.json")


@routes.get("/statements/<int:number>")
@permission(roles=ROLES)
def statement(number: int) -> Response:
    """Corporate's signed statement as it came: a compact JWS."""
    document = deletions.document(here(), number) if number <= asking.LARGEST else None
    if document is None:
        raise NotHere("there is no such statement", "choose one under Deletion")
    return _file(document.encode(), "application/jose", f"deletion-{number}.jws")


def _scope(asked: Any) -> Scope:
    """What the form names. Raises NotUnderstood, NotHere."""
    what = asked.get("what", "")
    if what == deletion.BATCH:
        return _batch(asking.row("attempt"))
    if what == deletion.FIELD:
        field = here().catalogue.fields.get(asked.get("field", ""))
        if field is None:
            raise NotHere("the catalogue has no such field", "choose one from the list")
        return Scope(deletion.FIELD, field=field.hash)
    if what == deletion.RANGE:
        return Scope(what, _case(asked) if asked.get("case") else None, from_=_moment("from"), until=_moment("until"))
    if what == deletion.CASE:
        return Scope(what, _case(asked))
    if what == deletion.EVERYTHING:
        return Scope(what)
    raise NotUnderstood("nothing was named that could be deleted", "use one of the forms under Deletion")


def _batch(attempt: int | None) -> Scope:
    page = reading.attempt(here(), attempt, lines=0) if attempt else None
    if page is None:
        raise NotHere("there is no such attempt", "find its number in the list under Sent")
    return Scope(deletion.BATCH, batch=page.line.sha256)


def _case(asked: Any) -> str:
    case = str(asked.get("case", ""))
    if case not in CASES:
        raise NotUnderstood("there is no such case", "choose one of the four")
    return case


def _moment(name: str) -> datetime:
    """A moment of the form, in UTC, to the second."""
    try:
        found = datetime.fromisoformat(request.args.get(name, ""))
    except ValueError:
        raise NotUnderstood(f"'{name}' is no time", "write it as 2026-11-22T06:00, in UTC") from None
    return (found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)).replace(microsecond=0)


def _switched_off() -> set[str]:
    return {field.name for field in reading.fields(here()) if field.off}


def _file(data: bytes, content_type: str, name: str) -> Response:
    answer = make_response(data, 200, {"Content-Disposition": f'attachment; filename="{name}"'})
    answer.content_type = content_type
    return answer
