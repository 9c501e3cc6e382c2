"""Every address that the pages answer on, and who may use it: `diffgram-home routes`.

The table is made from the pages themselves: each route with its methods, who may use it, and the first line of its
view. It needs no installation behind it; nothing is opened or contacted.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass

import click
from flask import Flask

from diffgram_home import freshness
from diffgram_home.cli import base, text
from diffgram_home.cli.base import command, json_option
from diffgram_home.cli.exits import Exit
from diffgram_home.pages import PAGES
from diffgram_home.permissions import EVERY_ROLE, Permission

ANYBODY, PRODUCT = "anybody", "a product"
_QUIET_METHODS = {"HEAD", "OPTIONS"}


@dataclass(frozen=True, slots=True)
class Route:
    """One address with its methods; `who` has roles, or `anybody`, or `a product` alone.

    `asks` says what it lets leave or deletes, where that asks whoever signed in a while ago to confirm; else empty.
    """

    route: str
    methods: tuple[str, ...]
    who: tuple[str, ...]
    asks: str
    what: str


def every() -> tuple[Route, ...]:
    """Every route of the pages, by address."""
    app = Flask("diffgram_home", static_folder=None)
    for page in PAGES:
        app.register_blueprint(page.routes)
    found = []
    for rule in app.url_map.iter_rules():
        view = app.view_functions[rule.endpoint]
        methods = tuple(sorted((rule.methods or set()) - _QUIET_METHODS))
        who = _who(view.permission)  # type: ignore[attr-defined]
        asks = freshness.ASKS[rule.endpoint].what if rule.endpoint in freshness.ASKS else ""
        found.append(Route(rule.rule, methods, who, asks if "POST" in methods else "", _first_line(view)))
    return tuple(sorted(found, key=lambda one: (one.route, one.methods)))


@command("routes")
@click.option("--role", type=click.Choice((*EVERY_ROLE, ANYBODY, PRODUCT)), help="Only what is open to this role.")
@json_option
def routes(role: str | None, as_json: bool) -> Exit:
    """Every address that the pages answer on, and who may use it.

    Made from the program as it is installed here. The role support is for somebody from the vendor; it is open only
    where a route says so by itself, and whoever has it has no other role. "confirms": it lets more leave, or deletes,
    and asks whoever signed in more than 15 minutes ago to show again who they are.
    """
    found = [one for one in every() if role is None or role in one.who]
    if as_json:
        base.show_json(found)
        return Exit.DONE
    rows = ((one.route, " ".join(one.methods), ", ".join(one.who), _yes(one.asks), one.what) for one in found)
    click.echo(text.table(("route", "methods", "who", "confirms", "what"), rows))
    return Exit.DONE


def _yes(asks: str) -> str:
    return "yes" if asks else ""


def _who(declared: Permission) -> tuple[str, ...]:
    if declared.way_in:
        return (PRODUCT,)
    return (ANYBODY,) if declared.without_sign_in else tuple(role for role in EVERY_ROLE if role in declared.roles)


def _first_line(view: object) -> str:
    lines = (inspect.getdoc(view) or "").splitlines()
    return lines[0] if lines else ""
