"""The command about sessions: what the page shows, as text or JSON."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from diffgram_home.browser import looking
from diffgram_home.cli import base, text
from diffgram_home.cli.base import command, json_option, with_home
from diffgram_home.cli.exits import Exit
from diffgram_home.home import Home


@command("sessions")
@click.option("--days", type=click.IntRange(1, looking.LONGEST), default=7, show_default=True, help="How many days.")
@json_option
@with_home
def sessions(home: Home, days: int, as_json: bool) -> Exit:
    """How many sessions there were by day, release and class of browser, and in how many something went wrong.

    A session is a visitor of one UTC day at one site, by a hash under a key that is gone with its day. Counts have no
    small groups: they are what corporate gets when case browser is on. The last day is today's so far.
    """
    found = looking.period(home, datetime.now(UTC), days)
    if as_json:
        base.show_json(found)
        return Exit.DONE
    rows = [(day.day, "", day.sessions, day.errored) for day in found.days]
    rows += [("release", row.release or "not said", row.sessions, row.errored) for row in found.releases]
    for one in found.classes:
        rows += [(one.by, _named(row.value, row.major), row.sessions, row.errored) for row in one.rows]
    if found.programs:
        rows.append(("programs", "counted by their SDK", found.programs, found.programs_errored))
    click.echo(text.table(("", "", "sessions", "with an error"), rows))
    for word, count in found.not_counted:
        base.say(f"not counted: {count} requests ({word})")
    return Exit.DONE


def _named(value: str, major: int) -> str:
    return f"{value} {major}" if major else value
