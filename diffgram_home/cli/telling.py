"""Commands that tell others: the privacy notice for end users, and the promises with their proofs."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from audit import promises as kept
from diffgram_home import privacy as made
from diffgram_home.cli import base
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
