"""The pages of the product. `create_app()` reads the environment; nothing happens on import.

- ANNOTATOR_DATA: the folder of the database and the session key
- ANNOTATOR_SPOOL: the spool of the installation on this machine; without it, nothing is told to anyone
- ANNOTATOR_STRICT: "1" in development and tests: an undeclared kind or field raises where it is used
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from flask import Flask, Response, g, got_request_exception, request, session
from sqlalchemy.orm import sessionmaker

import event
from annotator import pages, totals
from annotator.models import Member, open_database
from audit.catalogue import read

HERE = Path(__file__).resolve().parent
CATALOGUE = HERE / "outbound_fields.toml"
INDEX = HERE / "index.json"
MAX_UPLOAD_BYTES = 16 * 1024 * 1024
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}


def create_app(environ: Mapping[str, str] = os.environ) -> Flask:
    """Return the product, with its database made and its events going to the spool."""
    folder = Path(environ["ANNOTATOR_DATA"])
    folder.mkdir(parents=True, exist_ok=True)
    database = folder / "annotator.db"
    app = Flask(__name__)
    app.config.update(
        SESSION_COOKIE_NAME="annotator",
        SESSION_COOKIE_SAMESITE="Lax",
        MAX_CONTENT_LENGTH=MAX_UPLOAD_BYTES,
        SECRET_KEY=_session_key(folder / "session.key"),
    )
    make_session = sessionmaker(open_database(database), expire_on_commit=False)
    _guard(app)
    _with_database(app, make_session)
    pages.register(app)
    if spool := environ.get("ANNOTATOR_SPOOL"):
        _tell(app, Path(spool), database, strict=environ.get("ANNOTATOR_STRICT") == "1")
    return app


def _session_key(path: Path) -> bytes:
    """Return the key of the session cookies, minted once for this folder, readable by its owner only."""
    try:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(secrets.token_bytes(32))
    except FileExistsError:
        pass
    return path.read_bytes()


def _guard(app: Flask) -> None:
    @app.before_request
    def refuse_other_sites() -> tuple[str, int] | None:
        origin = request.headers.get("Origin")
        if request.method == "POST" and origin not in {None, request.host_url.rstrip("/")}:
            return "this form was sent by another site", 403
        return None

    @app.after_request
    def add_headers(response: Response) -> Response:
        response.headers.update(HEADERS)
        return response


def _with_database(app: Flask, make_session: sessionmaker) -> None:
    @app.before_request
    def open_session() -> None:
        g.db = make_session()
        g.member = g.db.get(Member, session["member"]) if "member" in session else None

    @app.teardown_request
    def close_session(_error: BaseException | None) -> None:
        if "db" in g:
            g.db.close()


def _tell(app: Flask, spool: Path, database: Path, *, strict: bool) -> None:
    """Start the events of this process: errors of any page, and the hourly totals."""
    event.start(spool, [CATALOGUE], INDEX, strict=strict)
    got_request_exception.connect(_report_error, app)
    totals.report_for_ever(database, read(CATALOGUE))


def _report_error(_app: Flask, exception: BaseException) -> None:
    event.error(exception, **pages.context())
