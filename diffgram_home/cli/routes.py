"""docs/routes.md, made from the pages themselves: `python -m diffgram_home.cli.routes --check|--write`.

The table is that of `diffgram-home routes`; nothing is opened or contacted.
"""

from __future__ import annotations

import sys
from pathlib import Path

from audit import generated
from diffgram_home.cli import routing

DEFAULT_FILE = Path("docs/routes.md")
RENEWAL = "python -m diffgram_home.cli.routes --write"
_HEAD = f"""# Routes of the installation

<!-- generated from diffgram_home/pages; do not edit. Renew with: {RENEWAL} -->

Every address that the pages answer on, and who may use it. A route that does not say who may use it stops the start.
Whatever changes something is a POST with a token that only our own pages hold; what products and their pages tell
(*a product*) is reduced and spooled, and changes nothing. *support* is the role of somebody from the vendor to whom you
gave an account; it is open only where the route says so by itself. *Confirms*: it lets more leave, or deletes, and asks
whoever signed in more than 15 minutes ago for the password again. `diffgram-home routes` prints this table, too.

| route | methods | who | confirms | what |
| --- | --- | --- | --- | --- |
"""


def render() -> str:
    """The page as Markdown."""
    rows = map(_cells, routing.every())
    return _HEAD + "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _cells(one: routing.Route) -> tuple[str, ...]:
    what = one.what.replace("|", "\\|")
    return f"`{one.route}`", ", ".join(one.methods), ", ".join(one.who), "yes" if one.asks else "", what


if __name__ == "__main__":
    sys.exit(generated.main(DEFAULT_FILE, render, RENEWAL))
