"""The command about errors kept here, by issue: issues."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from diffgram_home import issues as issues_of
from diffgram_home import views
from diffgram_home.cli import base, text
from diffgram_home.cli.base import Stop, command, json_option, with_home
from diffgram_home.cli.exits import Exit
from diffgram_home.home import Home


@command("issues")
@click.argument("number", type=click.IntRange(1), required=False, metavar="[N]")
@click.option("--search", default="", help="Only those with this in type, words or place.")
@click.option("--limit", type=click.IntRange(1, 5000), default=50, show_default=True, help="How many, last seen first.")
@json_option
@with_home
def issues(home: Home, number: int | None, search: str, limit: int, as_json: bool) -> Exit:
    """The errors kept here, those of one kind together; with N one of them in full.

    From this installation's own data, whether anything was sent or not. Corporate groups what it receives in the same
    way. Words are those of the vendor's source, shapes stand where values were.
    """
    now = datetime.now(UTC)
    if number is None:
        found = issues_of.listed(home, now, search=search, limit=limit)
        if as_json:
            base.show_json_lines(found.issues)
        else:
            _list(found)
        return Exit.DONE
    page = issues_of.one(home, min(number, 2**63 - 1), now)
    if page is None:
        raise Stop(f"there is no issue {number} here", "`diffgram-home issues` lists them", Exit.USAGE)
    if as_json:
        base.show_json_lines([page])
    else:
        click.echo(_told(page))
    return Exit.DONE


def _list(found: views.IssueList) -> None:
    rows = (
        (one.id, one.messages, sum(one.hours), text.instant(one.last_at), one.title, one.culprit or "-")
        for one in found.issues
    )
    if found.issues:
        click.echo(text.table(("n", "messages", "last 24 h", "last", "issue", "at"), rows))
    else:
        click.echo("no errors are kept here")
    if found.behind:
        base.say("messages from before this release are still being gone through")


def _told(page: views.IssuePage) -> str:
    one = page.issue
    lines = [
        one.title,
        f"  {one.messages} kept here, first {text.instant(one.first_at)}, last {text.instant(one.last_at)}",
    ]
    for link in page.chain:
        words = "".join(f"<{piece}>" if is_shape else piece for piece, is_shape in link.words or ())
        lines.append(f"  {link.type}{f': {words}' if words else ''}")
        lines += [
            f"    value {n}: " + ", ".join(f"{shape} ({count})" for shape, count in seen.items())
            for n, seen in enumerate(link.shapes.values(), 1)
        ]
    lines += [f"  {'in ' if frame.in_product else 'library '}{frame.place}" for frame in page.frames]
    lines.append(f"  left {page.left}, waiting to go {page.waiting}, here only {page.here_only}, of {page.looked_at}")
    lines += [
        f"    {batch.case} number {batch.sequence}: {batch.messages} of it, "
        + (f"attempt {batch.attempt} {batch.outcome or 'under way'}" if batch.attempt else "not tried yet")
        for batch in page.batches
    ]
    return "\n".join(lines)
