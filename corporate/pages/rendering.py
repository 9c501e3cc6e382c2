"""How values look on a page: times, hashes, numbers; and the page for errors."""

import logging
from datetime import datetime

from flask import Flask, Response, g, render_template
from markupsafe import Markup
from werkzeug.exceptions import HTTPException, SecurityError

from audit import transforms
from corporate.errors import Answer, place_of
from corporate.pages import programs
from corporate.pages.guarding import form_token, of_program

_LOG = logging.getLogger(__name__)


def register(app: Flask) -> None:
    """Give the templates of `app` their filters, and errors their page."""
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters.update(time=time, day=day, short=short, number=number, explained=explained, ago=ago, zip=zip)
    app.context_processor(lambda: {"person": g.get("person"), "form_token": form_token})
    app.register_error_handler(Answer, programs.refused)
    app.register_error_handler(HTTPException, _refused)
    app.register_error_handler(Exception, _unexpected)


def time(value: datetime | None) -> Markup:
    """A UTC time for people and programs; "never" for None."""
    if value is None:
        return Markup('<span class="quiet">never</span>')
    return Markup('<time datetime="{}">{}</time>').format(
        value.strftime("%Y-%m-%dT%H:%M:%SZ"), value.strftime("%-d %b %Y %H:%M:%S")
    )


def ago(value: datetime, now: datetime) -> Markup:
    """How long ago, in the largest unit; the time itself as a tooltip and for programs."""
    seconds = max(0, int((now - value).total_seconds()))
    units = ((86_400, "day"), (3_600, "hour"), (60, "minute"))
    size, unit = next(((size, unit) for size, unit in units if seconds >= size), (1, "second"))
    count = seconds // size
    words = f"{count:,} {unit}{'' if count == 1 else 's'} ago" if seconds >= 60 else "just now"
    return Markup('<time datetime="{}" title="{} UTC">{}</time>').format(
        value.strftime("%Y-%m-%dT%H:%M:%SZ"), value.strftime("%-d %b %Y %H:%M:%S"), words
    )


def day(value: datetime) -> Markup:
    """The UTC day of a time; the whole of it for programs."""
    return Markup('<time datetime="{}">{}</time>').format(
        value.strftime("%Y-%m-%dT%H:%M:%SZ"), value.strftime("%-d %b %Y")
    )


def short(value: str) -> Markup:
    """A hash or id as its first eight and last four characters; the whole of it as a tooltip."""
    return Markup('<code class="hash" title="{}">{} {} … {}</code>').format(value, value[:4], value[4:8], value[-4:])


def number(value: int) -> str:
    """With commas."""
    return f"{value:,}"


def explained(word: str) -> str:
    """What the transform that a batch's header names does, in one sentence without its full stop."""
    return transforms.explained(transforms.read(word))


def _refused(error: HTTPException) -> tuple[str, int] | Response:
    if of_program() and not isinstance(error, SecurityError):
        return programs.refused(error)
    if isinstance(error, SecurityError):
        # An untrusted host name: no link can be made for it. pages.names in corporate.toml says which are ours.
        return "This server has another name.\n", 400
    code = error.code or 500
    return render_template("error.html", code=code, name=error.name, words=error.description), code


def _unexpected(error: Exception) -> tuple[str, int] | Response:
    """The log has the type and the place, never the words, which may quote what somebody sent."""
    _LOG.error("unexpected %s at %s", type(error).__name__, place_of(error))
    if of_program():
        return programs.refused(error)
    words = "Something unexpected happened; the server's log says where. Try again."
    return render_template("error.html", code=500, name="Unexpected error", words=words), 500
