"""Commands about Unexpected Data Transfers: incidents, incident declare, incident close."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

import click

from audit import deletion
from audit.deletion import Scope
from diffgram_home import declaring, deleting, deletions, reading, requests, sending, views
from diffgram_home import incidents as incidents_of
from diffgram_home.cli import base, text
from diffgram_home.cli.base import Stop, command, json_option, with_home
from diffgram_home.cli.exits import Exit
from diffgram_home.cli.pages import first, whole
from diffgram_home.home import Home
from diffgram_home.models import ACCEPTED


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


@command("declare")
@click.option("--attempt", type=click.IntRange(1), help="The batch of this attempt; `sent` lists them.")
@click.option("--field", help="The values of one field, in all messages.")
@click.option("--why", required=True, type=click.Choice(declaring.WHYS), help="Why it should not have left.")
@click.option("--dry-run", is_flag=True, help="The exact bytes of the request to standard output; nothing is sent.")
@base.yes_option
@with_home
def declare(home: Home, attempt: int | None, field: str | None, why: str, dry_run: bool, yes: bool) -> Exit:
    """Declare that something should not have left: corporate is asked to delete it, and its statement is kept.

    You see the exact bytes of the request before it goes. The timeline stands under `incidents`; the reason stays here.
    If corporate cannot be reached, `delete --again` asks again.
    """
    if (attempt is None) == (field is None):
        raise click.UsageError("name one of --attempt and --field")
    now = datetime.now(UTC)
    shown = declaring.preview(home, _scope(home, attempt, field), now)
    if dry_run:
        sys.stdout.buffer.write(shown.body)
        sys.stdout.buffer.flush()
        return Exit.DONE
    base.say(f"asks corporate to delete {deletions.words(shown.scope)}", f"the request: {shown.body.decode().rstrip()}")
    base.confirm("Declare it, and ask corporate to delete it for good?", yes)
    number = declaring.declare(home, shown, why, base.actor(), now)
    if home.settings.sending.by_hand:
        base.say(f"the request is kept: {requests.CARRY}")
        return Exit.DONE
    answered = deleting.send(home, sending.open_door(home), number, datetime.now(UTC))
    one = next(one for one in incidents_of.listed(home) if shown.sha256.startswith(one.token))
    click.echo(_told(one))
    return Exit.DONE if answered.outcome == ACCEPTED else Exit.NOT_REACHED


def _scope(home: Home, attempt: int | None, field: str | None) -> Scope:
    if field is not None:
        return Scope(deletion.FIELD, field=base.known(home.catalogue.fields, field, "field").hash)
    found = reading.attempt(home, attempt or 0, lines=0)
    if found is None:
        raise Stop(f"there is no attempt {attempt}", "`diffgram-home sent` lists them", Exit.USAGE)
    return Scope(deletion.BATCH, batch=found.line.sha256)


incident = click.Group("incident", commands=(declare, close), help="One Unexpected Data Transfer: declare, close.")
