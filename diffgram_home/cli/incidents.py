"""Commands about Unexpected Data Transfers: incidents, incident close."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from diffgram_home import incidents as incidents_of
from diffgram_home import views
from diffgram_home.cli import base, text
from diffgram_home.cli.base import command, json_option, with_home
from diffgram_home.cli.exits import Exit
from diffgram_home.cli.pages import first, whole
from diffgram_home.home import Home


@command("incidents")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="How many of the newest.")
@json_option
@with_home
def incidents(home: Home, limit: int, as_json: bool) -> Exit:
    """Unexpected Data Transfers, newest first: what arrived undeclared, or tried to leave, and what was done.

    Each has a timeline: noticed, told, deleted, closed, with the time and the ledger's record that proves it. Key paths
    up to the last declared key and counts, never content. Exit code 1 while one is open.
    """
    pages = whole(lambda before: incidents_of.listed(home, before=before), lambda one: one.id)
    found = tuple(first(limit, pages))
    if as_json:
        base.show_json_lines(found)
    else:
        click.echo("\n\n".join(map(_told, found)) or "nothing undeclared has arrived anywhere or tried to leave")
    return Exit.FINDING if any(one.is_open for one in found) else Exit.DONE


def _told(one: views.Incident) -> str:
    head = f"{one.token}: {one.text} ({'open' if one.is_open else 'closed'})"
    paths = ((f"  {path}", count) for path, count in one.paths.items())
    rows = (
        (f"  {s.what}", text.instant(s.at) if s.at else "-", "-" if s.leaf is None else s.leaf, s.text)
        for s in one.steps
    )
    return "\n".join(
        (head, text.table(("  path", "count"), paths), text.table(("  step", "at", "record", "what"), rows))
    )


@command("close")
@click.argument("token", metavar="INCIDENT")
@with_home
def close(home: Home, token: str) -> Exit:
    """Say that somebody has looked into INCIDENT; recorded under your user id."""
    incidents_of.close(home, token, base.actor(), datetime.now(UTC))
    click.echo(f"{token} is closed")
    return Exit.DONE


incident = click.Group("incident", commands=(close,), help="One Unexpected Data Transfer: close.")
