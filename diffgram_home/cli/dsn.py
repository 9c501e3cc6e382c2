"""Commands about the keys for Sentry SDKs: dsn make, list, revoke."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from diffgram_home import dsns
from diffgram_home.cli import base, text
from diffgram_home.cli.base import command, json_option, with_home, yes_option
from diffgram_home.cli.exits import Exit
from diffgram_home.home import Home

_at = click.option(
    "--at", metavar="URL", default="", help="Where SDKs reach this installation, if not by its settings."
)


@command("make")
@click.argument("label")
@_at
@with_home
def make(home: Home, label: str, at: str) -> Exit:
    """Make a key for a Sentry SDK, and print its DSN.

    LABEL says what it is for; it stays here. A key lets an SDK tell errors, and opens nothing else.
    """
    where = at or dsns.own(home.settings.web)
    made = dsns.make(home, label, base.actor(), datetime.now(UTC))
    click.echo(dsns.address(made, where))
    return Exit.DONE


@command("list")
@_at
@json_option
@with_home
def listed(home: Home, at: str, as_json: bool) -> Exit:
    """Every key with its DSN, and who made or revoked it."""
    keys = dsns.every(home)
    if as_json:
        base.show_json(keys)
        return Exit.DONE
    where, who = at or dsns.own(home.settings.web), base.who(home)
    rows = (
        (
            str(key.number),
            key.label,
            "revoked" if key.revoked_at else dsns.address(key, where),
            who(key.made_by),
            text.instant(key.made_at),
            f"{who(key.revoked_by or '')}, {text.instant(key.revoked_at)}" if key.revoked_at else "",
        )
        for key in keys
    )
    click.echo(text.table(("project", "for", "dsn", "made by", "at", "revoked by"), rows))
    return Exit.DONE


@command("revoke")
@click.argument("project", type=click.IntRange(1))
@yes_option
@with_home
def revoke(home: Home, project: int, yes: bool) -> Exit:
    """Revoke the key of PROJECT: SDKs that have it are refused within a second, and drop what they wanted to tell."""
    base.confirm(f"Revoke the key of project {project} for good?", yes)
    revoked = dsns.revoke(home, project, base.actor(), datetime.now(UTC))
    click.echo(f"project {revoked.number}, {revoked.label}: revoked")
    return Exit.DONE


dsn = click.Group(
    "dsn",
    commands=(make, listed, revoke),
    help="Keys by which unmodified Sentry SDKs may tell this installation errors: make, list, revoke.",
)
