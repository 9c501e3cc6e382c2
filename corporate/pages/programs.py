"""Issues for programs of the staff: the same as the pages of issues, as REST with OpenAPI 3.1, under /api/v1.

Leaves to others: what is found and done (corporate.issues), accounts and sessions (people). Rules: who may is decided
as for the pages, by a session of an account, whose token stands in the header Authorization and nowhere else: no cookie
counts here, so no page of another site can make a browser ask. Every error has the one shape of `errors.Answer`.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from flask import Flask, Response, g, jsonify, make_response, request
from flask.views import MethodView
from flask_smorest import Api, Blueprint
from marshmallow import RAISE, ValidationError, fields, validate
from werkzeug.exceptions import HTTPException

from corporate import people
from corporate.errors import Answer, OperatorError
from corporate.issues import acting, documents, finding, showing, states
from corporate.issues.acting import Until
from corporate.issues.finding import Filter
from corporate.pages.batches import LARGEST
from corporate.pages.guarding import PROGRAMS, bearer, no_session, server
from corporate.wire import ErrorOut, Strict

blueprint = Blueprint("programs", __name__, url_prefix=PROGRAMS, description="What programs of the staff read and do")
_TIME = {"format": "date-time"}
_CODES = {401: "not-signed-in", 404: "no-such-route", 405: "method", 413: "too-large", 415: "media-type"}
_NUMBER = f"<int(max={LARGEST}):number>"


def _storable(text: str) -> None:
    """PostgreSQL takes no NUL, and neither database half a surrogate."""
    if "\0" in text or (not text.isascii() and text.encode("utf-8", "replace").decode() != text):
        raise ValidationError("has a character that no text here has")


def _text(most: int, **how: Any) -> fields.Str:
    return fields.Str(validate=[validate.Length(0, most), _storable], **how)


class SessionIn(Strict):
    """Who signs in."""

    name = _text(60, required=True)
    password = _text(people.PASSWORD_CHARACTERS[1], required=True)


class SessionOut(Strict):
    """A session, as one of the pages."""

    token = fields.Str(required=True, metadata={"description": "for the header `Authorization: Bearer TOKEN`"})
    seconds = fields.Int(required=True, metadata={"description": "how long it lasts at most"})


class FilterIn(Strict):
    """Which issues; what is left out is no filter."""

    state = fields.Str(validate=validate.OneOf(finding.STATES))
    words = _text(200, metadata={"description": "stand in title, culprit or types"})
    release = _text(300)
    installation = _text(32)
    customer = _text(200)
    assigned = _text(60, metadata={"description": f"an account, or `{finding.NOBODY}`: nobody"})
    in_product = fields.Bool()
    since = fields.Date(metadata={"description": "seen on this day or later, UTC"})
    until = fields.Date(metadata={"description": "seen on this day or before, UTC"})
    sort = fields.Str(validate=validate.OneOf(list(finding.SORTS)))
    after = _text(100, metadata={"description": "`after` of the page before"})


class IssueOut(Strict):
    """One issue, as the list has it."""

    id = fields.Int(required=True)
    title = fields.Str(required=True)
    culprit = fields.Str(required=True, metadata={"description": "the place that it is told by"})
    types = fields.Str(required=True, metadata={"description": "types of its chain, joined by a space"})
    in_product = fields.Bool(required=True)
    state = fields.Str(required=True, validate=validate.OneOf(states.STATES))
    resolved_in = fields.Str(required=True, allow_none=True)
    resolved_at = fields.Str(required=True, allow_none=True, metadata=_TIME)
    ignored_count = fields.Int(required=True, allow_none=True)
    ignored_installations = fields.Int(required=True, allow_none=True)
    ignored_until = fields.Str(required=True, allow_none=True, metadata=_TIME)
    assigned_to = fields.Str(required=True, allow_none=True)
    count = fields.Int(required=True)
    installations = fields.Int(required=True)
    first_at = fields.Str(required=True, metadata=_TIME)
    last_at = fields.Str(required=True, metadata=_TIME)
    made_at = fields.Str(required=True, metadata=_TIME)


class IssuesOut(Strict):
    """One page of the list."""

    issues = fields.List(fields.Nested(IssueOut), required=True)
    total = fields.Int(required=True, metadata={"description": "how many fit in all"})
    after = fields.Str(required=True, allow_none=True, metadata={"description": "to go on with; null at the end"})


class WholeOut(IssueOut):
    """One issue with all that its page shows; the same as `diffgram-corporate issue show --json`."""

    groups = fields.List(fields.Dict(), required=True)
    newest = fields.Dict(
        required=True,
        allow_none=True,
        attribute="event",
        data_key="event",
        metadata={"description": "the newest one"},
    )
    error_log = fields.Dict(required=True, allow_none=True, metadata={"description": "its types, places and words"})
    index = fields.Str(required=True, allow_none=True, metadata={"description": "SHA-256 of the index it was made by"})
    shapes = fields.List(
        fields.Raw(), required=True, metadata={"description": "shapes seen in each hole, by exception"}
    )
    releases = fields.List(fields.Dict(), required=True)
    shown_by = fields.List(fields.Dict(), required=True, metadata={"description": "installations"})
    events = fields.List(fields.Dict(), required=True)
    hours = fields.Dict(required=True)
    days = fields.Dict(required=True)
    acts = fields.List(fields.Dict(), required=True, metadata={"description": "its history, and comments"})


class StateIn(Strict):
    """The state that it is to have; the limits belong to `ignored`, the release to `resolved`."""

    state = fields.Str(required=True, validate=validate.OneOf((states.OPEN, states.RESOLVED, states.IGNORED)))
    release = _text(300, allow_none=True, metadata={"description": "resolved in it; left out or null: the next one"})
    events = fields.Int(strict=True, allow_none=True, metadata={"description": "ignored for so many more events"})
    installations = fields.Int(strict=True, allow_none=True, metadata={"description": "on so many more installations"})
    days = fields.Int(strict=True, allow_none=True, metadata={"description": "for so many days"})


class AssignedIn(Strict):
    """Whom it is assigned to."""

    name = _text(60, required=True, allow_none=True, metadata={"description": "an account; null: nobody"})


class CommentIn(Strict):
    """What to say to the others."""

    words = _text(acting.LONGEST_COMMENT, required=True)


def _with_errors(*more: int) -> Callable[[Any], Any]:
    def named(view: Any) -> Any:
        for status in (*more, 401):
            view = blueprint.alt_response(status, schema=ErrorOut)(view)
        return view

    return named


@blueprint.route("/session")
class Session(MethodView):
    """A session of an account."""

    @_with_errors(400, 429)
    @blueprint.arguments(SessionIn, error_status_code=400)
    @blueprint.response(201, SessionOut)
    def post(self, asked: dict[str, str]) -> dict[str, Any]:
        """Sign in with an account's name and password; failures are counted as on the pages."""
        address = request.remote_addr or "?"
        made = people.sign_in(server().store, asked["name"], asked["password"], address, datetime.now(UTC))
        if isinstance(made, str):
            return {"token": made, "seconds": int(people.SESSION_LIFE.total_seconds())}
        if made.wait_s:
            hint = f"try again in {made.wait_s} seconds"
            raise Answer(429, "too-many", "too many failed sign-ins", hint, retry=True, retry_after_s=made.wait_s)
        raise Answer(401, "not-signed-in", "the name or the password is wrong", "see diffgram-corporate account list")

    @_with_errors()
    @blueprint.response(204)
    def delete(self) -> None:
        """End the session."""
        if g.person is None:
            raise no_session()
        people.sign_out(server().store, bearer())


@blueprint.route("/issues")
class Issues(MethodView):
    """The list."""

    @_with_errors(400)
    @blueprint.arguments(FilterIn, location="query", unknown=RAISE, error_status_code=400)
    @blueprint.response(200, IssuesOut)
    def get(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Issues that fit, 50 at once."""
        found = finding.find(server().store, Filter(**asked))
        rows = [_plain(documents.plain(issue)) for issue in found.rows]
        return {"issues": rows, "total": found.total, "after": found.after}


@blueprint.route(f"/issues/{_NUMBER}")
class One(MethodView):
    """One issue."""

    @_with_errors(404)
    @blueprint.response(200, WholeOut)
    def get(self, number: int) -> Any:
        """One issue: what was said, where, how often, in which releases, on which installations, what was done."""
        return _whole(number)


@blueprint.route(f"/issues/{_NUMBER}/state")
class State(MethodView):
    """Its state."""

    @_with_errors(400, 404)
    @blueprint.arguments(StateIn, error_status_code=400)
    @blueprint.response(200, WholeOut)
    def put(self, asked: dict[str, Any], number: int) -> Any:
        """Resolve it, ignore it, or open it again; noted in its history with the account."""
        state = asked.pop("state")
        allowed = {states.RESOLVED: {"release"}, states.IGNORED: {"events", "installations", "days"}}.get(state, set())
        if wrong := sorted(asked.keys() - allowed):
            raise Answer(400, "malformed", f"{wrong[0]!r} does not belong to {state!r}", "leave it out")
        store, who, now = server().store, g.person.name, datetime.now(UTC)
        if state == states.RESOLVED:
            return _done(number, lambda: acting.resolve(store, number, asked.get("release"), who, now))
        if state == states.IGNORED:
            return _done(number, lambda: acting.ignore(store, number, Until(**asked), who, now))
        return _done(number, lambda: acting.reopen(store, number, who, now))


@blueprint.route(f"/issues/{_NUMBER}/assigned")
class Assigned(MethodView):
    """Whom it is assigned to."""

    @_with_errors(400, 404)
    @blueprint.arguments(AssignedIn, error_status_code=400)
    @blueprint.response(200, WholeOut)
    def put(self, asked: dict[str, Any], number: int) -> Any:
        """Assign it to an account, or to nobody."""
        now = datetime.now(UTC)
        return _done(number, lambda: acting.assign(server().store, number, asked["name"], g.person.name, now))


@blueprint.route(f"/issues/{_NUMBER}/comments")
class Comments(MethodView):
    """What people say about it."""

    @_with_errors(400, 404)
    @blueprint.arguments(CommentIn, error_status_code=400)
    @blueprint.response(201, WholeOut)
    def post(self, asked: dict[str, str], number: int) -> Any:
        """Say something about it to the others."""
        now = datetime.now(UTC)
        return _done(number, lambda: acting.comment(server().store, number, asked["words"], g.person.name, now))


class _Api(Api):
    """flask-smorest, which here only describes: errors are rendered with those of the pages."""

    ERROR_SCHEMA = ErrorOut

    def _register_error_handlers(self) -> None:
        """None of its own."""


def register(app: Flask) -> None:
    """Put the API onto `app`, and its description at /api/v1/openapi.json."""
    app.config.update(
        API_TITLE="Diffgram corporate, issues",
        API_VERSION="v1",
        OPENAPI_VERSION="3.1.0",
        OPENAPI_URL_PREFIX=PROGRAMS,
        OPENAPI_JSON_PATH="openapi.json",
    )
    made = _Api(app)
    made.spec.components.security_scheme("session", {"type": "http", "scheme": "bearer"})
    made.register_blueprint(blueprint)
    app.extensions["described"] = made.spec


def describe() -> dict[str, Any]:
    """The OpenAPI document, without a server behind it."""
    app = Flask("corporate", static_folder=None)
    register(app)
    return dict(app.extensions["described"].to_dict())


def refused(error: Exception) -> Response:
    """An error of a request under /api, whatever it is, in the one shape; no word of what was sent is in it."""
    if isinstance(error, Answer):
        found = error
    elif isinstance(error, HTTPException):
        status = error.code or 500
        code, hint = _CODES.get(status, "malformed"), f"see {PROGRAMS}/openapi.json"
        found = Answer(status, code, _said(error), hint, retry=status >= 500)
    else:
        found = Answer(500, "internal", "an unexpected error; it was logged", "try again later", retry=True)
    answer = make_response(jsonify(found.as_json()), found.status, found.headers)
    if found.status == 401:
        answer.headers["WWW-Authenticate"] = "Bearer"
    return answer


def _said(error: HTTPException) -> str:
    """A sentence; of a refused document or query the names of the wrong members that we know."""
    told = (getattr(error, "data", None) or {}).get("messages", {})
    members = {name for part in told.values() if isinstance(part, Mapping) for name in part}
    schemas = (SessionIn, FilterIn, StateIn, AssignedIn, CommentIn)
    known = sorted(members & {name for schema in schemas for name in schema().fields})
    return f"wrong, missing or unknown: {', '.join(known)}" if known else (error.name or "error").lower()


def _done(number: int, do: Callable[[], object]) -> Any:
    """Do it, and return the issue as it is then."""
    try:
        do()
    except OperatorError as e:
        raise Answer(404 if e.code == "issue" else 400, e.code, e.message, e.hint) from e
    return _whole(number)


def _whole(number: int) -> Any:
    found = showing.show(server().store, number, datetime.now(UTC))
    if found is None:
        raise Answer(404, "issue", f"no issue {number}", "it may have been merged, or its last event was deleted")
    return _plain(documents.of(found))


def _plain(value: Any) -> Any:
    """What JSON has; times as ISO 8601."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value
