"""Commands about who this installation is to corporate: unacknowledged, identity show, settle, renew."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TextIO

import click

from diffgram_home import acknowledging, conflicts, enrolment, renewal, sending
from diffgram_home.cli import base, text
from diffgram_home.cli.base import command, json_option, with_home
from diffgram_home.cli.exits import Exit
from diffgram_home.cli.fields import case_option
from diffgram_home.cli.pages import whole
from diffgram_home.home import Home, open_home


@command("unacknowledged")
@case_option
@json_option
@with_home
def unacknowledged(home: Home, case: str | None, as_json: bool) -> Exit:
    """Numbers that were given out here and for which corporate's receipt is not in hand, newest first, and why.

    Numbers of a case have no gap. Corporate shows the holes on its side, so both can compare. Contacts nobody.
    """
    rows = tuple(whole(lambda before: acknowledging.unacknowledged(home, case=case, before=before), lambda r: r.id))
    if as_json:
        base.show_json_lines(rows)
        return Exit.DONE
    headings = ("case", "number", "sealed", "messages", "tries", "last", "why")
    told = (
        (
            r.case,
            r.sequence,
            text.instant(r.sealed_at),
            r.messages,
            r.tries,
            r.last_code or r.last_outcome or "-",
            r.why,
        )
        for r in rows
    )
    click.echo(text.table(headings, told) if rows else "corporate has acknowledged every number")
    return Exit.DONE


@command("show")
@json_option
@with_home
def show(home: Home, as_json: bool) -> Exit:
    """Who this installation is to corporate, its last number of each case, and a conflict if corporate saw one.

    Exit code 1 while a conflict is open: two machines use this identity, or a backup was restored.
    """
    found = acknowledging.identity(home)
    if as_json:
        base.show_json(found)
    else:
        numbers = ((f"last number of {case}", number) for case, number in found.numbers.items())
        facts = (
            ("installation", found.installation),
            ("succeeds", found.succeeds or "-"),
            ("customer", found.customer),
        )
        click.echo(text.facts((*facts, *numbers, ("conflict", found.conflict.text if found.conflict else "none"))))
    return Exit.FINDING if found.conflict else Exit.DONE


@command("settle")
@click.option("--why", required=True, type=click.Choice(conflicts.WHYS), help="How it was cleared up.")
@with_home
def settle(home: Home, why: str) -> Exit:
    """Say that the conflict is cleared up; recorded under your user id. Another one shows again."""
    conflicts.settle(home, why, base.actor(), datetime.now(UTC))
    click.echo("settled")
    return Exit.DONE


@command("renew")
@click.option("--token-file", required=True, type=click.File("r"), help="File with a new token, or - for stdin.")
@base.yes_option
@with_home
def renew(home: Home, token_file: TextIO, yes: bool) -> Exit:
    """Make this machine an installation of its own, for a copy of one that still runs. Stop `run` first.

    It gets a new identifier, new keys and a new ledger, and enrols with the token, which the vendor makes for it. The
    old ledger ends with a record that names the new one, and is moved aside whole, readable and verifiable with its own
    settings file, in which every case is off. People keep their accounts; fields have to be approved anew; nothing that
    was collected before leaves. If corporate is not reached, run `enrol` later with the same token.
    """
    token = token_file.read().strip()
    base.confirm(f"End the ledger of {home.installation} here, and begin as another installation?", yes)
    done = renewal.renew(home, base.actor(), datetime.now(UTC))
    known = (("installation", done.installation), ("succeeds", done.succeeds))
    click.echo(text.facts((*known, ("the old one, to read", done.earlier))))
    fresh = open_home(base.read_settings())
    try:
        enrolled = enrolment.enrol(fresh, sending.open_door(fresh), token, base.actor(), datetime.now(UTC))
    finally:
        fresh.close()
    click.echo(text.facts((("customer", enrolled.customer), ("certificate until", text.instant(enrolled.expires_at)))))
    base.say("next: `diffgram-home fields --state new`, `approve`, `run`")
    return Exit.DONE


identity = click.Group(
    "identity",
    commands=(show, settle, renew),
    help="Who this installation is to corporate, and the ways out when two machines use one identity: show, settle, "
    "renew.",
)
