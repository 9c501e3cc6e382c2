"""The command that ends it all: leave."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime

import click

from audit.errors import SignatureRefused
from diffgram_home import deleting, deletions, leaving, sending
from diffgram_home.cli import base, text
from diffgram_home.cli.base import command, with_home, yes_option
from diffgram_home.cli.deletion import lines_of, span
from diffgram_home.cli.exits import Exit
from diffgram_home.errors import HomeError
from diffgram_home.home import Home
from diffgram_home.leaving import Plan


@command("leave")
@click.option("--dry-run", is_flag=True, help="The exact bytes of the request to standard output; nothing changes.")
@yes_option
@with_home
def leave(home: Home, dry_run: bool, yes: bool) -> Exit:
    """Leave corporate altogether: every case off, everything deleted there, this installation's identity ended.

    You see beforehand what happens, and the exact bytes of the request. Corporate's signed statement is kept in the
    ledger, which stays here. Interrupted, or without a connection, run it again: it goes on where it stopped, and says
    what is done, what is not, and how to finish by hand. Exit code 5: corporate has not confirmed yet.
    """
    now = datetime.now(UTC)
    plan = leaving.plan(home, now)
    if plan.state == leaving.LEFT:
        leaving.finish(home, now)
        return _told_left(home, plan.left_at)
    base.say(*_before(plan))
    if dry_run:
        sys.stdout.buffer.write(b"" if plan.shown is None else plan.shown.body)
        sys.stdout.buffer.flush()
        return Exit.DONE
    base.confirm("Leave corporate for good?", yes)
    number = leaving.begin(home, None if plan.shown is None else plan.shown.body, base.actor(), now)
    trouble = None if number is None else _sent(home, number)
    if leaving.finish(home, datetime.now(UTC)):
        return _told_left(home, leaving.plan(home, now).left_at)
    base.say(*_half_done(home, trouble))
    return Exit.NOT_REACHED


def _before(plan: Plan) -> Iterator[str]:
    if plan.state == leaving.WAITING:
        yield "leaving has begun: every case is off and the request is kept; this goes on with it"
    else:
        yield f"switches off: {', '.join(plan.on) or 'nothing, every case is off already'}"
    if plan.shown is None:
        yield "corporate does not know this installation, so there is nothing to ask it"
    elif plan.state != leaving.WAITING:
        yield f"asks corporate to delete everything of this installation: {span(plan.shown)}"
        yield f"{plan.shown.waiting} batches that wait here go no more"
        yield "corporate then takes nothing from this name any more; coming back is a new installation"
    if plan.shown is not None:
        yield f"the request: {plan.shown.body.decode().rstrip()}"
    yield "your ledger stays here"


def _sent(home: Home, number: int) -> str:
    """Why corporate's statement is not here; empty when it is."""
    try:
        row = deleting.send(home, sending.open_door(home), number, datetime.now(UTC))
    except (HomeError, SignatureRefused) as error:
        return "; ".join(filter(None, (str(error.args[0]), error.hint)))
    return row.detail or row.code or ""


def _told_left(home: Home, at: datetime | None) -> Exit:
    click.echo(f"this installation has left corporate, {text.instant(at)}")
    statement = next((one for one in deletions.listed(home) if one.statement is not None), None)
    if statement is not None:
        click.echo("\n".join(lines_of(home, statement)))
    click.echo("what stays on this machine, for you to remove:")
    click.echo("\n".join(f"  {line}" for line in leaving.rest(home)))
    return Exit.DONE


def _half_done(home: Home, trouble: str | None) -> Iterator[str]:
    yield "leaving is not finished"
    yield "done: every case is off, and the request is kept"
    yield text.printable(f"not done: corporate has not confirmed{f' ({trouble})' if trouble else ''}")
    yield "to finish: run `diffgram-home leave` again when corporate can be reached"
    yield f"or by hand: let the vendor delete everything of the installation {home.installation}, then"
    yield "`diffgram-home take-deletion FILE` with the signed statement, and `diffgram-home leave` again"
