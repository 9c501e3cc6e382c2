"""The command that shows corporate's published list of catalogues: releases."""

from __future__ import annotations

from collections.abc import Iterator

import click

from diffgram_home import listing, views
from diffgram_home.cli import base, text
from diffgram_home.cli.base import Stop, command, json_option, with_home
from diffgram_home.cli.exits import Exit
from diffgram_home.home import Home


@command("releases")
@click.option("--checkpoint", is_flag=True, help="Print the list's signed checkpoint, for another customer to compare.")
@json_option
@with_home
def releases(home: Home, checkpoint: bool, as_json: bool) -> Exit:
    """Every catalogue that corporate published, and what a newer one would change here.

    The list is one for all customers, signed, and only grows; it comes with receipts. To find out whether another
    customer was shown the same, give each other what --checkpoint prints, and run `verify --checkpoint FILE`. Contacts
    nobody.
    """
    if checkpoint:
        note = listing.checkpoint(home)
        if note is None:
            raise Stop("no list has been shown here yet", "it comes with the first receipt", Exit.NOT_FOUND)
        click.echo(note, nl=False)
        return Exit.DONE
    found = listing.releases(home)
    if as_json:
        base.show_json(found)
        return Exit.DONE
    rows = ((r.position, text.instant(r.at), r.release, r.state, len(r.changes), r.catalogue) for r in found)
    click.echo(text.table(("entry", "published", "release", "beside yours", "changes", "catalogue"), rows))
    for line in (line for release in found for line in _changes(release)):
        click.echo(line)
    return Exit.DONE


def _changes(release: views.Release) -> Iterator[str]:
    if release.changes:
        yield text.printable(f"\nrelease '{release.release}' would change:")
    for change in release.changes:
        weight = "MATERIAL " if change.material else "editorial"
        yield text.printable(f"  {weight}  {change.what:8}  {change.name}: {change.detail}")
