"""Commands that show and prove what happened: history, verify, export."""

from __future__ import annotations

from itertools import islice

import click

from diffgram_home import reading
from diffgram_home.cli import base, text
from diffgram_home.cli.base import command, json_option, with_home
from diffgram_home.cli.exits import Exit
from diffgram_home.cli.pages import whole
from diffgram_home.home import Home


@command("history")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="How many of the newest changes.")
@json_option
@with_home
def history(home: Home, limit: int, as_json: bool) -> Exit:
    """Who changed what and when: modes, approvals, accounts; newest first.

    Each change is a record of the ledger; its position is in the last column.
    """
    changes = islice(whole(lambda before: reading.history(home, before=before), lambda c: c.position), limit)
    if as_json:
        base.show_json_lines(changes)
        return Exit.DONE
    headings = ("at", "who", "what", "subject", "from", "to", "detail", "position")
    rows = (
        (text.instant(c.at), c.actor, c.what, c.subject, c.before or "-", c.after or "-", c.detail or "", c.position)
        for c in changes
    )
    click.echo(text.table(headings, rows))
    return Exit.DONE
