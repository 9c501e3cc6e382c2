"""The API that installations talk to: manifest, enrolment, batches. OpenAPI 3.1 at /v1/openapi.json.

Leaves to others: every decision (ingest, enrolment). Rules: a view reads the request, calls one function, renders the
answer; every error has the one shape of `errors.Answer`, written here and nowhere else.
"""

import logging
from datetime import UTC, datetime
from typing import Any

from flask import Flask, Response, current_app, jsonify, make_response, request
from flask.views import MethodView
from flask_smorest import Api, Blueprint
from marshmallow import RAISE, Schema, fields, validate
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException

from corporate import bodies, deleting, enrolment, ingest, publishing
from corporate.errors import Answer, place_of
from corporate.server import Corporate

_LOG = logging.getLogger(__name__)
_ENROLMENT_BYTES = 32_768
blueprint = Blueprint("wire", __name__, url_prefix="/v1", description="What an installation says to corporate")


class Strict(Schema):
    """Unknown keys are refused, in and out."""

    class Meta:
        """marshmallow's own options."""

        unknown = RAISE


class EnrolmentIn(Strict):
    """A request for enrolment."""

    token = fields.Str(required=True, validate=validate.Length(1, 200))
    installation = fields.Str(required=True, validate=validate.Regexp("^[0-9a-f]{32}$"))
    csr = fields.Str(required=True, validate=validate.Length(1, 8192))


class EnrolmentOut(Strict):
    """What enrolment gives."""

    certificate = fields.Str(required=True, metadata={"description": "PEM; subject alternative name is the URI"})
    customer = fields.Str(required=True)


class ManifestOut(Strict):
    """The root's public key and what it signed."""

    root = fields.Dict(
        required=True, metadata={"description": "public JWK; compare its fingerprint with the pinned one"}
    )
    manifest = fields.Str(required=True, metadata={"description": "compact JWS, typ diffgram-manifest+jws"})


class BatchOut(Strict):
    """What a stored batch gives."""

    receipt = fields.Str(required=True, metadata={"description": "compact JWS, typ diffgram-receipt+jws"})
    certificate = fields.Str(metadata={"description": "PEM; a fresh certificate, when it is time for one"})
    deletion = fields.Str(metadata={"description": "compact JWS, typ diffgram-deletion+jws; what staff deleted"})
    instructions = fields.Str(metadata={"description": "compact JWS, typ diffgram-instructions+jws; only ever narrows"})
    conflict = fields.Str(metadata={"description": "the batch contradicts an earlier one: do two machines use this?"})
    support = fields.List(
        fields.Str(), metadata={"description": "compact JWS each, typ diffgram-support-request+jws; only ever asks"}
    )
    catalogues = fields.Str(metadata={"description": "checkpoint of the published list of catalogues, a signed note"})


class EntryOut(Strict):
    """One entry of the published list."""

    leaf = fields.Str(required=True, metadata={"description": "the exact bytes that are hashed into the list"})
    sources = fields.List(
        fields.List(fields.Str()), required=True, metadata={"description": "name and text of each source file"}
    )


class PublishedOut(Strict):
    """A stretch of the published list."""

    entries = fields.List(fields.Nested(EntryOut), required=True)


class RequestOut(Strict):
    """What a request gives."""

    document = fields.Str(required=True, metadata={"description": "compact JWS: the signed statement of what was done"})


class ErrorOut(Strict):
    """Every error."""

    code = fields.Str(required=True)
    message = fields.Str(required=True)
    hint = fields.Str(required=True)
    retry = fields.Bool(required=True, metadata={"description": "whether the same bytes may succeed later"})
    path = fields.Str(metadata={"description": "key path of the fault, without any value"})
    undeclared = fields.Dict(keys=fields.Str(), values=fields.Int())
    incident = fields.Str(metadata={"description": "compact JWS, typ diffgram-incident+jws: what arrived, none kept"})
    certificate = fields.Str(metadata={"description": "PEM, when the last one expired"})


_BATCH_DOC: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {bodies.MEDIA_TYPE: {"schema": {"type": "string", "contentEncoding": "binary"}}},
    },
    "parameters": [
        {"in": "header", "name": "Diffgram-Signature", "schema": {"type": "string"}, "description": "detached JWS"},
        {"in": "header", "name": "Content-Encoding", "schema": {"type": "string", "enum": ["zstd", "identity"]}},
    ],
}
_ERRORS = (400, 401, 403, 404, 408, 409, 411, 413, 415, 429)


def _with_errors(view: Any) -> Any:
    for status in _ERRORS:
        view = blueprint.alt_response(status, schema=ErrorOut)(view)
    return view


@blueprint.route("/manifest")
class Manifest(MethodView):
    """The signed list of keys."""

    @blueprint.response(200, ManifestOut)
    def get(self) -> dict[str, Any]:
        """The root's public key, and the manifest it signed. Trust it only after comparing the root's fingerprint."""
        return {key: _server().manifest[key] for key in ("root", "manifest")}


@blueprint.route("/catalogues/<int(max=999999):first>")
class Catalogues(MethodView):
    """The published list of catalogues, which everybody is shown alike."""

    @blueprint.response(200, PublishedOut)
    def get(self, first: int) -> dict[str, Any]:
        """Up to ten entries from position `first`. Check them against the checkpoint that came with a receipt."""
        return {"entries": publishing.page(_server().store, first)}


@blueprint.route("/enrolment")
class Enrolment(MethodView):
    """The first request of an installation."""

    @_with_errors
    @blueprint.arguments(EnrolmentIn, error_status_code=400)
    @blueprint.response(201, EnrolmentOut)
    def post(self, asked: dict[str, str]) -> dict[str, str]:
        """Enrol with a single-use token and a signing request; the same request again has the same answer."""
        made = enrolment.enrol(_server(), asked["token"], asked["installation"], asked["csr"], datetime.now(UTC))
        return {"certificate": made.certificate, "customer": made.customer}


@blueprint.route("/batches")
class Batches(MethodView):
    """Everything else that an installation sends."""

    @_with_errors
    @blueprint.doc(**_BATCH_DOC)
    @blueprint.response(200, BatchOut)
    def post(self) -> dict[str, Any]:
        """Take one sealed batch, and answer with a signed receipt for it."""
        server = _server()
        body = bodies.read(request.environ, server.settings.limits)
        certificate = presented_certificate(request.environ)
        accepted = ingest.accept(
            server, body, certificate, request.headers.get("Diffgram-Signature"), datetime.now(UTC)
        )
        return accepted.as_json()


@blueprint.route("/deletions")
class Deletions(MethodView):
    """What a customer wants deleted."""

    @_with_errors
    @blueprint.doc(**_BATCH_DOC)
    @blueprint.response(200, RequestOut)
    def post(self) -> dict[str, str]:
        """Delete what one signed request names, and answer with a signed statement; the same request has the same."""
        server = _server()
        body = bodies.read(request.environ, server.settings.limits)
        certificate, signature = presented_certificate(request.environ), request.headers.get("Diffgram-Signature")
        return {"document": deleting.answer(server, body, certificate, signature, datetime.now(UTC))}


def presented_certificate(environ: dict[str, Any]) -> bytes | None:
    """The client certificate of the TLS connection, DER, or None. The only place that knows gunicorn's socket."""
    peer = getattr(environ.get("gunicorn.socket"), "getpeercert", None)
    return None if peer is None else peer(binary_form=True)


class WireApi(Api):
    """flask-smorest with our one shape of errors."""

    ERROR_SCHEMA = ErrorOut

    def handle_http_exception(self, error: HTTPException) -> Response:
        """Give flask's own errors (404, 405, 413, 422 …) the same shape; keep their headers, such as Allow."""
        status = error.code or 500
        hint = "see /v1/openapi.json" if status < 500 else "send it again later"
        found = Answer(status, _CODES.get(status, "http"), _reason(error), hint, retry=status >= 500)
        response = _rendered(found)
        for name, value in error.get_headers():
            if name.lower() not in ("content-type", "content-length"):
                response.headers[name] = value
        return response


_CODES = {400: "malformed", 404: "no-such-route", 405: "method", 413: "too-large", 415: "media-type", 422: "malformed"}


def describe() -> dict[str, Any]:
    """The OpenAPI document, without a server behind it."""
    return dict(_api(Flask("corporate", static_folder=None)).spec.to_dict())


def _api(app: Flask) -> Api:
    app.config.update(
        API_TITLE="Diffgram corporate",
        API_VERSION="v1",
        OPENAPI_VERSION="3.1.0",
        OPENAPI_URL_PREFIX="/v1",
        OPENAPI_JSON_PATH="openapi.json",
        MAX_CONTENT_LENGTH=_ENROLMENT_BYTES,
        PROPAGATE_EXCEPTIONS=False,
    )
    made = WireApi(app)
    made.register_blueprint(blueprint)
    return made


def register(app: Flask, server: Corporate) -> None:
    """Put the API onto `app`."""
    app.extensions["corporate"] = server
    _api(app)
    app.register_error_handler(Answer, _rendered)
    app.register_error_handler(OperationalError, _database_away)
    app.register_error_handler(Exception, _unexpected)


def _server() -> Corporate:
    found: Corporate = current_app.extensions["corporate"]
    return found


def _rendered(answer: Answer) -> Response:
    return make_response(jsonify(answer.as_json()), answer.status, answer.headers)


def _database_away(error: OperationalError) -> Response:
    _LOG.error("the database does not answer: %s", type(error.orig).__name__)
    return _rendered(Answer(503, "unavailable", "the database does not answer", "send it again later", retry=True))


def _unexpected(error: Exception) -> Response:
    """Anything else: the log has the place, never the words of the error, which may quote what was sent."""
    _LOG.error("unexpected %s at %s", type(error).__name__, place_of(error))
    return _rendered(Answer(500, "internal", "an unexpected error; it was logged", "send it again later", retry=True))


def _reason(error: HTTPException) -> str:
    """A sentence for the error; of a refused JSON document the names of the wrong keys that we know."""
    messages = (getattr(error, "data", None) or {}).get("messages", {}).get("json", {})
    known = sorted(set(messages) & set(EnrolmentIn().fields)) if isinstance(messages, dict) else []
    if known:
        return f"wrong or missing: {', '.join(known)}"
    return (error.name or "error").lower()
