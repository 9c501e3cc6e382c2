"""The installation's pages as one Flask application.

`create_app(settings)` builds everything; importing this module does nothing. What holds for every request is set here
once: the session is looked up, limits and headers are put around it (`security`), errors become one shape
(`refusals`), and a route that does not say who may use it stops the start (`permissions`). No page reaches the network
but where people sign in by the customer's own identity provider (`oidc`, through the door).
"""

import os
from datetime import UTC, datetime
from pathlib import Path

from flask import Flask, current_app, g, request
from jinja2 import StrictUndefined

from diffgram_home import front, permissions, refusals, rendering, security, sessions, settings, tripwire
from diffgram_home.home import open_home
from diffgram_home.pages import ADDRESSES, PAGES

QUIET = frozenset({"files.static", "files.pulse"})
"""Endpoints that a page asks for by itself: they do not count as use, and so never keep a session alive."""


def create_app(chosen: settings.Settings) -> Flask:
    """The application for one installation.

    Raises: SettingsFaults, StoreError (from opening the data folder), security.HttpsNeeded,
    permissions.UndeclaredRoutes.
    """
    app = Flask("diffgram_home", static_folder=None)
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.wsgi_app = front.Front(app, chosen.web, ADDRESSES)  # type: ignore[method-assign]
    security.protect(app, chosen.web)
    app.extensions["home"] = open_home(chosen)
    app.before_request(_find_session)
    app.after_request(sessions.keep_stranger)
    for page in PAGES:
        app.register_blueprint(page.routes)
    rendering.register(app)
    refusals.register(app)
    permissions.check_every_route(app)
    app.extensions["home"].store.engine.dispose()  # no connection may cross the fork of a preloading server
    return app


def from_file(path: str) -> Flask:
    """The application for the settings in a file, for servers that are handed an import path; arms the tripwire.

    Raises: as `create_app`.
    """
    tripwire.arm("pages")
    chosen = settings.read(Path(path), os.environ)
    tripwire.know(chosen)
    return create_app(chosen)


def _find_session() -> None:
    g.now = datetime.now(UTC)
    if request.endpoint != "files.static" and not permissions.is_way_in(current_app.view_functions, request.endpoint):
        sessions.load(g.now, quiet=request.endpoint in QUIET)
