"""All that is held about one installation: to look at, to take home as a file, and to have deleted."""

from datetime import UTC, datetime, timedelta

from flask import Blueprint, Response, abort, g, make_response, redirect, render_template, request, url_for
from werkzeug import Response as Base

from audit import deletion, signed
from audit.catalogue import CASES
from audit.deletion import Scope
from audit.errors import SignatureRefused
from corporate import acts, deleting, holdings, looking
from corporate.errors import OperatorError
from corporate.keys import DELETIONS
from corporate.models import Deletion
from corporate.pages.batches import LARGEST
from corporate.pages.guarding import server

blueprint = Blueprint("holdings", __name__)
TYPED = 8
"""So many characters of the installation's id are typed to confirm."""
_WHATS = (deletion.BATCH, deletion.FIELD, deletion.CASE, deletion.RANGE, deletion.EVERYTHING)


@blueprint.get("/installations/<wanted>/held")
def show(wanted: str) -> str:
    """Every table with rows about it, its days, what people did, and what was deleted."""
    return _page(wanted)


@blueprint.get("/installations/<wanted>/held/<table>")
def rows(wanted: str, table: str) -> str:
    """The rows of one table, as they stand in the file."""
    held = _held(wanted)
    found = looking.rows(server().store, wanted, table, request.args.get("after"))
    if found is None:
        abort(404, "There is no such table about an installation.")
    return render_template("held_rows.html", held=held, found=found)


@blueprint.get("/installations/<wanted>/export")
def export(wanted: str) -> Response:
    """Every row, as one file that is never whole in memory."""
    _held(wanted)
    lines = holdings.export(server().store, wanted)
    name = f"holdings-{wanted[:8]}.ndjson"
    return _file(Response(lines, mimetype="application/x-ndjson"), name)


@blueprint.get("/installations/<wanted>/delete")
def preview(wanted: str) -> Response:
    """What would be deleted; nothing is yet."""
    return _preview(wanted)


@blueprint.post("/installations/<wanted>/delete")
def delete(wanted: str) -> Base:
    """Delete it, once the beginning of the installation's id was typed; then show the signed statement."""
    _held(wanted)
    if request.form.get("typed", "").strip() != wanted[:TYPED]:
        return _preview(wanted, f"nothing was deleted: type {wanted[:TYPED]} to confirm", 400)
    try:
        token = deleting.by_staff(
            server().store,
            server().keys.of(DELETIONS),
            server().settings.backup_days,
            wanted,
            _scope(request.form),
            g.person.name,
            datetime.now(UTC),
        )
    except OperatorError as e:
        return _preview(wanted, f"nothing was deleted: {e.message}: {e.hint}", 400)
    made = next(row for row in deleting.listed(server().store, wanted) if row.document == token)
    return redirect(url_for("holdings.deleted", wanted=wanted, number=made.id), 303)


@blueprint.get("/installations/<wanted>/deletions/<int:number>")
def deleted(wanted: str, number: int) -> str:
    """One deletion: what was asked, by whom, and the signed statement, read."""
    row, held = _deletion(wanted, number), _held(wanted)
    state, found = _read(row.document)
    return render_template("deletion.html", held=held, row=row, state=state, found=found, words=words)


@blueprint.get("/installations/<wanted>/deletions/<int:number>/statement")
def statement(wanted: str, number: int) -> Response:
    """The signed statement, for the customer: `diffgram-home take-deletion FILE` takes it."""
    row = _deletion(wanted, number)
    made = Response(f"{row.document}\n", mimetype="application/jose")
    return _file(made, f"deletion-{wanted[:8]}-{row.id}.jws")


def words(scope: Scope | Deletion) -> str:
    """What a scope means, for a sentence."""
    what, case = scope.what, scope.case
    if what == deletion.BATCH:
        return f"the batch {scope.batch}"
    if what == deletion.FIELD:
        return "one field in all messages"
    if what == deletion.CASE:
        return f"the case {case}"
    if what == deletion.RANGE:
        first, last = (scope.from_at, scope.until_at) if isinstance(scope, Deletion) else (scope.from_, scope.until)
        return f"what was sealed from {first:%Y-%m-%d %H:%M} until {last:%Y-%m-%d %H:%M}" + (
            f" of the case {case}" if case else ""
        )
    return "everything" if what == deletion.EVERYTHING else "everything, since the customer left"


def _page(wanted: str, fault: str = "") -> str:
    store, now = server().store, datetime.now(UTC)
    held, shown = _held(wanted), looking.days(store, wanted, now)
    return render_template(
        "held.html",
        held=held,
        fault=fault,
        days=shown,
        bars=looking.bars(shown),
        looking=looking,
        acts=acts.of_installation(store, wanted),
        deletions=deleting.listed(store, wanted),
        fields=deleting.fields(store),
        cases=CASES,
        words=words,
        today=now.date(),
        week_ago=(now - timedelta(days=7)).date(),
        backup_days=server().settings.backup_days,
    )


def _preview(wanted: str, fault: str = "", status: int = 200) -> Response:
    """The preview, or the page with what is wrong about the question."""
    held = _held(wanted)
    given = request.form if request.method == "POST" else request.args
    try:
        scope = _scope(given)
        found = deleting.foresee(server().store, wanted, scope)
    except OperatorError as e:
        return make_response(_page(wanted, f"{e.message}: {e.hint}"), 400)
    page = render_template(
        "delete.html",
        held=held,
        scope=scope,
        words=words(scope),
        field=next((one for one in deleting.fields(server().store) if one.hash == scope.field), None),
        found=found,
        fault=fault,
        given={name: given.get(name, "") for name in ("what", "batch", "field", "case", "from", "until")},
        typed=wanted[:TYPED],
        backup_days=server().settings.backup_days,
        erased="vacuumed" if server().store.is_postgresql else "overwritten",
    )
    return make_response(page, status)


def _scope(given: object) -> Scope:
    """What the form names. Raises OperatorError."""
    said = {name: given.get(name, "").strip() for name in ("what", "batch", "field", "case", "from", "until")}  # type: ignore[attr-defined]
    what, case = said["what"], said["case"] or None
    if what not in _WHATS or (case is not None and case not in CASES):
        raise OperatorError("scope", "it does not say what is to be deleted", "choose one of the five")
    if what == deletion.BATCH:
        return Scope(what, batch=_hash(said["batch"], "SHA-256 of a batch"))
    if what == deletion.FIELD:
        return Scope(what, field=_hash(said["field"], "field"))
    if what == deletion.CASE:
        if case is None:
            raise OperatorError("scope", "no case was chosen", "choose one")
        return Scope(what, case)
    if what == deletion.RANGE:
        first, last = _moment(said["from"]), _moment(said["until"])
        if first >= last:
            raise OperatorError("range", "the time ends before it begins", "turn the two around")
        return Scope(what, case, from_=first, until=last)
    return Scope(what)


def _hash(text: str, what: str) -> str:
    if len(text) != 64 or set(text) - set("0123456789abcdef"):
        raise OperatorError("scope", f"{text!r} is no {what}", "copy its 64 hexadecimal digits")
    return text


def _moment(text: str) -> datetime:
    """A day, or a day with time, in UTC."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC, microsecond=0)
    except ValueError:
        raise OperatorError("range", f"{text!r} is no time", "write such as 2026-11-22 or 2026-11-22T14:05") from None


def _held(wanted: str) -> holdings.Held:
    found = holdings.held(server().store, wanted)
    if found is None:
        abort(404, "There is no such installation.")
    return found


def _deletion(wanted: str, number: int) -> Deletion:
    found = deleting.one(server().store, wanted, number) if number <= LARGEST else None
    if found is None:
        abort(404, "There is no such deletion.")
    return found


def _read(document: str) -> tuple[str, deletion.Deletion | None]:
    """Whose the signature is (`present`, `earlier`: the key was rotated since, or `wrong`), and what it says."""
    try:
        return "present", deletion.read(document, signed.ring(server().keys.of(DELETIONS).public_key()))
    except SignatureRefused as refused:
        return ("earlier" if refused.code == "key-unknown" else "wrong"), None
    except OperatorError:
        return "earlier", None


def _file(answer: Response, name: str) -> Response:
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer
