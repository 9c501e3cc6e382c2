"""The pages for the vendor's staff: server-rendered, without any script.

Leaves to others: what is shown (reading) and done (enrolment, people). Rules: every route but the sign-in needs a
session, decided in one place before any view runs; every POST needs the form's token; every answer has the same
strict headers.
"""

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from corporate.pages import (
    accounts,
    alerts,
    batches,
    carrying,
    guarding,
    holdings,
    installations,
    issues,
    programs,
    rendering,
    signing_in,
    tokens,
)
from corporate.server import Corporate

PAGES = (signing_in, installations, issues, alerts, holdings, batches, carrying, tokens, accounts)


def register(app: Flask, server: Corporate) -> None:
    """Put the pages onto `app`."""
    app.extensions["corporate"] = server
    names = server.settings.pages.names
    app.config.update(MAX_CONTENT_LENGTH=32_768, TRUSTED_HOSTS=list(names), PROPAGATE_EXCEPTIONS=False)
    if server.settings.pages.behind_proxy:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1)  # type: ignore[method-assign]
    app.before_request(carrying.make_room)  # the first of all: whoever asks for the form's fields reads the body
    guarding.register(app)
    rendering.register(app)
    for module in PAGES:
        app.register_blueprint(module.blueprint)
    programs.register(app)
