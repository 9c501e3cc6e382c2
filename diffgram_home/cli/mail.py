"""The commands about letters to administrators: mail test, mail list, mail show."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

import click

from diffgram_home import mailing
from diffgram_home.cli import base, text
from diffgram_home.cli.base import Stop, command, json_option, with_home
from diffgram_home.cli.exits import Exit
from diffgram_home.home import Home
from diffgram_home.models import ACCEPTED


@command("test")
@with_home
def test(home: Home) -> Exit:
    """Send a test to every address under [mail], now, and say what the mail server answered.

    Recorded under your user id, like every letter. When one is taken, letters that wait are due at once.
    """
    door = mailing.open_door(home)
    if door is None:
        raise Stop("the settings name no mail server", "add [mail]; see docs/settings.md", Exit.SETTINGS)
    found = mailing.test(home, door, base.actor(), datetime.now(UTC))
    for to, told in found:
        click.echo(f"{to}: {told.outcome}" + (f"; {told.text}; {told.hint}" if told.text else ""))
    return Exit.DONE if all(told.outcome == ACCEPTED for _, told in found) else Exit.NOT_REACHED


@command("list")
@json_option
@with_home
def listed(home: Home, as_json: bool) -> Exit:
    """Every letter, newest first: to whom, about what, and what became of it. Contacts nobody."""
    found = mailing.listed(home)
    if as_json:
        base.show_json_lines(found)
        return Exit.DONE
    rows = (
        (m.number, text.instant(m.at), m.to, m.about, m.subject[:12], m.outcome, m.code or "-", m.tries, m.sha256)
        for m in found
    )
    headings = ("letter", "at", "to", "about", "subject", "outcome", "code", "tries", "sha256")
    click.echo(text.table(headings, rows) if found else "no letter was ever written here")
    return Exit.DONE


@command("show")
@click.argument("number", type=click.IntRange(1), metavar="LETTER")
@with_home
def show(home: Home, number: int) -> Exit:
    """Print the exact bytes of LETTER, a number of `mail list`: what its SHA-256 in the ledger is over."""
    data = mailing.exact(home, number)
    if data is None:
        raise Stop(f"there is no letter {number} whose bytes are here", "see `mail list`", Exit.NOT_FOUND)
    sys.stdout.buffer.write(data)
    return Exit.DONE


mail = click.Group(
    "mail",
    commands=(test, listed, show),
    help="""Letters about releases that change what may leave, to the addresses under [mail] in the settings.

    Nothing else is ever mailed. Each letter is recorded in the ledger before it goes, by the SHA-256 of its bytes.""",
)
