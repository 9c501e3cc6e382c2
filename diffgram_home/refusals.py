"""Every error of the pages becomes one shape: a page that says what happened and what to do, or the same as JSON.

The log gets the error's class and place under a short number that the page shows; never a message, since messages of
other people's code can hold values.
"""

import logging
import secrets
import traceback

from flask import Flask, Response, make_response, redirect, render_template, request, url_for
from werkzeug.exceptions import HTTPException, SecurityError

from audit.errors import AuditError
from diffgram_home import confirming
from diffgram_home.confirming import FreshNeeded
from diffgram_home.errors import HomeError
from diffgram_home.permissions import SignInNeeded
from diffgram_home.trouble import Shape, Trouble

_log = logging.getLogger("diffgram_home.pages")

_HINTS = {
    400: "go back, reload the page and try again",
    404: "check the address, or begin at the overview",
    405: "use the page and its buttons",
    413: "send less at once: a form here may hold 256 kB",
    429: "wait a little and try again",
}


def register(app: Flask) -> None:
    """Answer every error of the application in the one shape."""
    app.register_error_handler(SignInNeeded, _to_sign_in)
    app.register_error_handler(FreshNeeded, _to_confirm)
    app.register_error_handler(Trouble, _trouble)
    app.register_error_handler(HomeError, _home_error)
    app.register_error_handler(AuditError, _home_error)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _unforeseen)


def _to_sign_in(error: SignInNeeded) -> Response:
    """A page that was only asked for leads to signing in and back; anything else says that nothing was changed."""
    if request.method == "GET" and not _wants_json():
        return redirect(url_for("account.sign_in", next=request.full_path.rstrip("?")), 303)  # type: ignore[return-value]
    return _trouble(error)


def _to_confirm(error: FreshNeeded) -> Response:
    return _trouble(error) if _wants_json() else confirming.page(error)


def _trouble(error: Trouble) -> Response:
    return _answer(Shape(error.status, error.code, str(error.args[0]), error.hint))


def _home_error(error: HomeError | AuditError) -> Response:
    retry = bool(getattr(error, "retry", False))
    return _answer(Shape(503 if retry else 409, error.code, str(error.args[0]), error.hint, retry))


def _http(error: HTTPException) -> Response:
    if isinstance(error, SecurityError):  # another host name than ours: no page can be made, since no address can
        return make_response("this is not the name of this installation\n", 400, {"Content-Type": "text/plain"})
    status = error.code or 500
    said = (error.name or "error").lower()
    answer = _answer(Shape(status, said.replace(" ", "-"), said, _HINTS.get(status, "go back and try again")))
    for name, value in error.get_headers(request.environ):
        if name.lower() in ("allow", "retry-after"):
            answer.headers[name] = value
    return answer


def _unforeseen(error: Exception) -> Response:
    number = secrets.token_hex(4)
    last = traceback.extract_tb(error.__traceback__)[-1]
    _log.error("error %s: %s at %s:%s", number, type(error).__name__, last.filename, last.lineno)
    hint = f"nothing more was done; look for the number '{number}' in the log and report it to whoever runs this"
    return _answer(Shape(500, "unforeseen", f"something went wrong here, noted as '{number}'", hint, retry=True))


def _answer(shape: Shape) -> Response:
    if _wants_json():
        answer = make_response(shape.as_dict(), shape.status)
    else:
        answer = make_response(render_template("refusal.html", shape=shape), shape.status)
    return answer


def _wants_json() -> bool:
    return request.accept_mimetypes.best_match(["text/html", "application/json"]) == "application/json"
