"""create_app: one application for the wire, one for the pages, over the same opened server.

Leaves to others: routes (wire, pages) and processes (serving). Nothing happens on import.
"""

from flask import Flask

from corporate import pages, wire
from corporate.server import Corporate, open_corporate
from corporate.settings import Settings

PARTS = ("wire", "pages")


def create_app(settings: Settings, part: str = "pages", server: Corporate | None = None) -> Flask:
    """Build the application `part`, "wire" or "pages". Connects to nothing yet.

    Raises ValueError for another part, OperatorError when a key is missing.
    """
    if part not in PARTS:
        raise ValueError(f"no part {part!r}; the parts are {', '.join(PARTS)}")
    opened = open_corporate(settings) if server is None else server
    app = Flask("corporate", static_folder="static" if part == "pages" else None)
    (wire if part == "wire" else pages).register(app, opened)
    return app
