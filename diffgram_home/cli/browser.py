"""The commands about what pages of the product tell: browser tag, browser headers."""

from __future__ import annotations

import click

from diffgram_home.browser import reports, scripts
from diffgram_home.cli import base
from diffgram_home.cli.base import Stop, command, json_option, with_home
from diffgram_home.cli.exits import Exit
from diffgram_home.home import Home


@command("tag")
@click.option("--from", "origin", metavar="ORIGIN", help="where this installation is, for a page of another origin")
@click.option("--own", is_flag=True, help="for scripts that the product serves from its own origin, under /")
@json_option
@with_home
def tag(home: Home, origin: str | None, own: bool, as_json: bool) -> Exit:
    """Print the tags that load home.js and extras.js, each with its hash, and what the page's policy has to allow.

    The page puts its own nonce and the template of its route in. Contacts nobody and changes nothing.
    """
    projects = home.settings.browser.projects
    if not projects:
        raise Stop("no page may tell anything", 'name a project under [browser] projects = ["…"]', Exit.SETTINGS)
    found = scripts.tags(projects[0], (origin or "").rstrip("/"), own)
    if as_json:
        base.show_json(found)
        return Exit.DONE
    click.echo("\n".join((*found.tags, "", f"Content-Security-Policy: {found.policy}")))
    return Exit.DONE


@command("headers")
@click.option("--from", "origin", metavar="ORIGIN", help="where this installation is, for a page of another origin")
@json_option
@with_home
def headers(home: Home, origin: str | None, as_json: bool) -> Exit:
    """Print the headers with which browsers report here by themselves, for the answers of the product.

    A browser then tells of policies, crashes, deprecations and failed requests without any script. Browsers send to
    secure origins alone: https, or localhost. Contacts nobody and changes nothing.
    """
    projects = home.settings.browser.projects
    if not projects:
        raise Stop("no page may tell anything", 'name a project under [browser] projects = ["…"]', Exit.SETTINGS)
    found = reports.headers(projects[0], (origin or "").rstrip("/"))
    if as_json:
        base.show_json(found)
        return Exit.DONE
    click.echo("\n".join(f"{name}: {value}" for name, value in found.items()))
    base.say("add your own policies to the two that end in -Report-Only, then enforce them without that ending")
    return Exit.DONE


browser = click.Group(
    "browser",
    commands=(tag, headers),
    help="""What pages of the product tell this installation, by home.js and by browsers themselves.

    What of it is kept, and what may leave, stands under `diffgram-home fields`, case browser.""",
)
