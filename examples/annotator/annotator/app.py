"""The pages of the product. `create_app()` reads the environment; nothing happens on import.

- ANNOTATOR_DATA: the folder of the database and the session key
- ANNOTATOR_SPOOL: the spool of the installation on this machine; without it, nothing is told to anyone
- ANNOTATOR_TELLS: where pages tell of their errors, `http://host:port/browser/annotator/` of the installation, or
  `/browser/annotator/` behind a proxy that leads it there; without it, they tell nobody
- ANNOTATOR_STRICT: "1" in development and tests: an undeclared kind or field raises where it is used
"""

from __future__ import annotations

import base64
import hashlib
import logging
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from flask import Flask, Response, g, got_request_exception, request, session
from sqlalchemy.orm import sessionmaker

import event
from annotator import VERSION, pages, totals
from annotator.models import Member, open_database
from audit.catalogue import read

HERE = Path(__file__).resolve().parent
CATALOGUE = HERE / "outbound_fields.toml"
INDEX = HERE / "index.json"
MAX_UPLOAD_BYTES = 16 * 1024 * 1024
TELLING = ("home.js", "extras.js")
"""The scripts of Diffgram Home, as this release ships them; the page loads only what has their hash."""
POLICY = (
    "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'self'; img-src 'self'; connect-src {tells}; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; "
    "trusted-types 'none'"
)
HEADERS = {
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
    tells = environ.get("ANNOTATOR_TELLS", "")
    _guard(app, tells)
    _with_scripts(app, tells)
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


def _with_scripts(app: Flask, tells: str) -> None:
    """Let every page load the scripts that tell, where there is somebody to be told."""
    pinned = [
        {"name": name, "integrity": _integrity(HERE / "static" / name), "tells": tells * (name == TELLING[0])}
        for name in TELLING
    ]
    app.context_processor(lambda: {"scripts": pinned if tells else [], "release": VERSION})


def _integrity(path: Path) -> str:
    """Return what pins a script (Subresource Integrity)."""
    return f"sha384-{base64.b64encode(hashlib.sha384(path.read_bytes()).digest()).decode()}"


def _guard(app: Flask, tells: str) -> None:
    parts = urlsplit(tells)
    told = f"{parts.scheme}://{parts.netloc}" if parts.netloc else "'self'"

    @app.before_request
    def make_nonce() -> None:
        g.nonce = secrets.token_urlsafe(16)

    @app.before_request
    def refuse_other_sites() -> tuple[str, int] | None:
        origin = request.headers.get("Origin")
        if request.method == "POST" and origin not in {None, request.host_url.rstrip("/")}:
            return "this form was sent by another site", 403
        return None

    @app.after_request
    def add_headers(response: Response) -> Response:
        policy = POLICY.format(nonce=g.get("nonce") or secrets.token_urlsafe(16), tells=told)
        response.headers.update({**HEADERS, "Content-Security-Policy": policy})
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
    """Start the events of this process: errors of any page, what is logged, and the hourly totals."""
    event.start(spool, [CATALOGUE], INDEX, strict=strict)
    logging.getLogger().addHandler(event.Handler(errors=False, release=VERSION))  # _report_error tells errors, with ids
    got_request_exception.connect(_report_error, app)
    totals.report_for_ever(database, read(CATALOGUE))


def _report_error(_app: Flask, exception: BaseException) -> None:
    event.error(exception, **pages.context())
