"""docs/routes.md, made from the pages themselves: `python -m diffgram_home.cli.routes --check|--write`.

Each route of the installation with its methods, who may use it, and what it is for: the first line of its view. It
builds the table of routes without an installation behind it; nothing is opened or contacted.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from pathlib import Path

from flask import Flask

from audit import generated
from diffgram_home.pages import PAGES
from diffgram_home.permissions import Permission

DEFAULT_FILE = Path("docs/routes.md")
RENEWAL = "python -m diffgram_home.cli.routes --write"
_QUIET_METHODS = {"HEAD", "OPTIONS"}
_HEAD = f"""# Routes of the installation

<!-- generated from diffgram_home/pages; do not edit. Renew with: {RENEWAL} -->

Every address that the pages answer on, and who may use it. A route that does not say who may use it stops the start.
Whatever changes something is a POST with a token that only our own pages hold; what products and their pages tell
(*a product*) is reduced and spooled, and changes nothing. No route is for the vendor.

| route | methods | who | what |
| --- | --- | --- | --- |
"""


def render() -> str:
    """The page as Markdown."""
    app = Flask("diffgram_home", static_folder=None)
    for page in PAGES:
        app.register_blueprint(page.routes)
    return _HEAD + "".join(f"{row}\n" for row in sorted(_rows(app)))


def _rows(app: Flask) -> Iterator[str]:
    for rule in app.url_map.iter_rules():
        view = app.view_functions[rule.endpoint]
        declared = view.permission  # type: ignore[attr-defined]
        who = _who(declared)
        methods = ", ".join(sorted((rule.methods or set()) - _QUIET_METHODS))
        yield f"| `{rule.rule}` | {methods} | {who} | {_first_line(view)} |"


def _who(declared: Permission) -> str:
    if declared.way_in:
        return "a product"
    return "anybody" if declared.without_sign_in else ", ".join(sorted(declared.roles))


def _first_line(view: object) -> str:
    lines = (inspect.getdoc(view) or "").splitlines()
    return lines[0].replace("|", "\\|") if lines else ""


if __name__ == "__main__":
    sys.exit(generated.main(DEFAULT_FILE, render, RENEWAL))
