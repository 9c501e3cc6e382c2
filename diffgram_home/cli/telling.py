"""Commands that tell others: the privacy notice for end users, and the promises with their proofs."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from audit import promises as kept
from diffgram_home import coverage as counting
from diffgram_home import privacy as made
from diffgram_home import reading
from diffgram_home.cli import base, text
from diffgram_home.cli.base import command, json_option, with_home
from diffgram_home.cli.exits import Exit
from diffgram_home.home import Home


@command("privacy")
@with_home
def privacy(home: Home) -> Exit:
    """The privacy notice for the end users of your product, as Markdown.

    Made of catalogue, approvals and switches as they stand now, with the summary table; make it again after a change.
    Who is responsible, and whom to write to, is yours to add.
    """
    click.echo(made.notice(home, datetime.now(UTC)), nl=False)
    return Exit.DONE


@command("coverage")
@click.option("--never", "only_never", is_flag=True, help="Only fields that are declared and never left.")
@json_option
@with_home
def coverage(home: Home, only_never: bool, as_json: bool) -> Exit:
    """What really left of each declared field, counted from what corporate acknowledged.

    A field that is declared and never left may be declined at no cost: nothing of it is missed until something wants
    to send it. Exit code 1 when something left that no catalogue declares; that is an incident.
    """
    counting.count(home, datetime.now(UTC))
    rows = counting.listed(home)
    shown = counting.never(rows) if only_never else rows
    if as_json:
        base.show_json(shown)
    else:
        headings = ("field", "case", "messages", "first", "last")
        columns = ((r.field, r.case, _messages(r), text.instant(r.first_at), text.instant(r.last_at)) for r in shown)
        click.echo(text.table(headings, columns))
    undeclared = [notice for notice in reading.notices(home) if notice.code == counting.NOTICE]
    base.say(f"declared: {len(rows)}; never left: {len(counting.never(rows))}; left undeclared: {len(undeclared)}")
    for notice in undeclared:
        base.say(f"{notice.text}; {notice.hint}")
    return Exit.FINDING if undeclared else Exit.DONE


def _messages(row: counting.Coverage) -> object:
    return "every connection" if row.messages is None else row.messages


@command("promises")
@json_option
def promises(as_json: bool) -> Exit:
    """Every sentence that was promised and is kept, and the tests that prove it.

    The tests stand in the source of this release; its build fails when one is missing, renamed or skipped.
    """
    if as_json:
        base.show_json(kept.read())
    else:
        click.echo("\n".join(kept.lines(kept.read())), nl=False)
    return Exit.DONE
