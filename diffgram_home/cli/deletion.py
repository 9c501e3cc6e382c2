"""Commands about deletion at corporate: delete, deletions, and taking in a statement from a file."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import click
from sqlalchemy import select

from audit import deletion
from audit.catalogue import CASES
from audit.deletion import Scope
from diffgram_home import deleting, requests, sending, switching
from diffgram_home.cli import base, text
from diffgram_home.cli.base import Stop, command, json_option, with_home, yes_option
from diffgram_home.cli.exits import Exit
from diffgram_home.deleting import Preview
from diffgram_home.deletions import OTHERWISE, Asked, listed, words
from diffgram_home.home import Home
from diffgram_home.models import ACCEPTED, Attempt

_TIME = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ"])


@command("delete")
@click.option("--attempt", type=click.IntRange(1), help="The batch of this attempt; `sent` lists them.")
@click.option("--batch", help="One batch, by its SHA-256.")
@click.option("--field", help="The values of one field, in all messages.")
@click.option("--off", is_flag=True, help="With --field: switch it off as well, so that it leaves no more.")
@click.option("--case", type=click.Choice(CASES), help="A whole case; with --from and --until only of that time.")
@click.option("--from", "from_", type=_TIME, help="Batches sealed at or after this UTC time.")
@click.option("--until", type=_TIME, help="Batches sealed before this UTC time.")
@click.option("--everything", is_flag=True, help="Everything that corporate received from here.")
@click.option("--again", is_flag=True, help="Ask again what was not answered yet, and nothing else.")
@click.option("--dry-run", is_flag=True, help="The exact bytes of the request to standard output; nothing is sent.")
@yes_option
@json_option
@with_home
def delete(
    home: Home,
    attempt: int | None,
    batch: str | None,
    field: str | None,
    off: bool,
    case: str | None,
    from_: datetime | None,
    until: datetime | None,
    everything: bool,
    again: bool,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> Exit:
    """Have corporate delete what it received from here, and keep its signed statement.

    You see what is meant, how much, and the exact bytes of the request before it goes; it goes also when every case is
    off. What waits here and is meant goes no more. Your own ledger keeps its bytes. The request stays if corporate
    cannot be reached: --again sends it, and so does the scheduler beside other traffic while a case is on.
    """
    now = datetime.now(UTC)
    if again:
        return _sent(home, deleting.again(home, deleting.waiting(home), base.actor(), now), as_json)
    chosen = (attempt, batch, field, None if from_ is None and until is None and case is None else True)
    if [one is not None for one in chosen].count(True) + everything != 1:
        raise click.UsageError("name one of --attempt, --batch, --field, --case, --from with --until, --everything")
    if off and field is None:
        raise click.UsageError("--off goes with --field")
    shown = deleting.preview(home, _scope(home, attempt, batch, field, case, from_, until), now)
    if dry_run:
        base.say(*_meaning(shown, off))
        sys.stdout.buffer.write(shown.body)
        sys.stdout.buffer.flush()
        return Exit.DONE
    base.say(*_meaning(shown, off), f"the request: {shown.body.decode().rstrip()}")
    base.confirm("Ask corporate to delete this for good?", yes)
    if field is not None and off:
        switching.set_fields(home, [field], "off", base.actor(), now)
    return _sent(home, [deleting.ask(home, shown.body, base.actor(), now)], as_json)


def _scope(
    home: Home,
    attempt: int | None,
    batch: str | None,
    field: str | None,
    case: str | None,
    from_: datetime | None,
    until: datetime | None,
) -> Scope:
    if attempt is not None:
        with home.store.read() as session:
            batch = session.scalar(select(Attempt.sha256).where(Attempt.id == attempt))
        if batch is None:
            raise Stop(f"there is no attempt {attempt}", "`diffgram-home sent` lists them", Exit.USAGE)
    if batch is not None:
        return Scope(deletion.BATCH, batch=batch)
    if field is not None:
        return Scope(deletion.FIELD, field=base.known(home.catalogue.fields, field, "field").hash)
    if from_ is not None or until is not None:
        if from_ is None or until is None:
            raise click.UsageError("a range needs both --from and --until")
        return Scope(deletion.RANGE, case, from_=from_.replace(tzinfo=UTC), until=until.replace(tzinfo=UTC))
    return Scope(deletion.EVERYTHING) if case is None else Scope(deletion.CASE, case)


def span(shown: Preview) -> str:
    """How much of it went to corporate, and from when to when."""
    when = f", sealed {text.instant(shown.first)} to {text.instant(shown.last)}," if shown.first else ""
    return f"{shown.batches} batches with {shown.messages} messages{when} went to corporate, or may have"


def _meaning(shown: Preview, off: bool) -> Iterator[str]:
    yield f"asks corporate to delete {words(shown.scope)}"
    if shown.scope.what == deletion.FIELD:
        yield f"at most {span(shown)}; it says which held the field"
        yield "every message that corporate has keeps its other fields; corporate then no longer has those exact bytes"
        if off:
            yield "the field is switched off here: batches that wait with it are voided, and sealed again without it"
        else:
            yield f"{shown.holding} batches that may hold it wait here and go; corporate takes it out as they arrive"
            yield "what is sealed later may hold it again: --off switches it off as well"
    else:
        yield span(shown)
        yield f"{shown.waiting} batches that wait here go no more"
    yield "corporate keeps hash, number, size, time and receipt of each batch; its backups last as its statement says"
    yield "your ledger keeps its own bytes; collecting and sending goes on as your cases say"


def _sent(home: Home, numbers: list[int], as_json: bool) -> Exit:
    by_hand = home.settings.sending.by_hand
    door = sending.open_door(home)
    for one in () if by_hand else numbers:
        deleting.send(home, door, one, datetime.now(UTC))
    found = [one for one in listed(home) if one.request in numbers]
    if as_json:
        base.show_json_lines(map(_as_json, found))
    elif not found:
        base.say("no request waits for an answer")
    for one in found if not as_json else ():
        click.echo("\n".join(lines_of(home, one)))
    if by_hand and not as_json:
        base.say(f"the request is kept: {requests.CARRY}")
    return Exit.DONE if by_hand or all(one.outcome == ACCEPTED for one in found) else Exit.NOT_REACHED


@command("deletions")
@json_option
@with_home
def deletions(home: Home, as_json: bool) -> Exit:
    """What corporate was asked to delete, newest first, with its signed statements."""
    found = listed(home)
    if as_json:
        base.show_json_lines(map(_as_json, found))
    else:
        click.echo(
            "\n\n".join("\n".join(lines_of(home, one)) for one in found) or "nothing was ever asked to be deleted"
        )
    return Exit.DONE


@command("take-deletion")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@with_home
def take_deletion(home: Home, file: Path) -> Exit:
    """Take corporate's statement of deletion from FILE into the ledger, after checking its signature."""
    fresh = deleting.take(home, file.read_text(encoding="ascii", errors="replace"), base.actor(), datetime.now(UTC))
    click.echo("the statement holds and is in the ledger" if fresh else "the statement is here already")
    return Exit.DONE


def lines_of(home: Home, one: Asked) -> Iterator[str]:
    """One request or statement, for a person."""
    number = "unasked" if one.request is None else f"request {one.request}"
    state = one.outcome or ("answered otherwise" if one.code == OTHERWISE else "not sent yet")
    named = f"the field {one.field} in all messages" if one.field else words(one.scope)
    yield f"{number}, {text.instant(one.at)}, {base.who(home)(one.actor)}: {named}: {state}"
    if one.detail:
        yield text.printable(f"  {one.detail}")
    found = one.statement
    if found is None:
        return
    counts = ", ".join(f"{rows} {table}" for table, rows in sorted(found.counts.items())) or "nothing was there"
    yield f"  corporate deleted on {text.instant(found.deleted_at)}: {counts}; {found.batches} batches"
    yield f"  backups may hold it until {text.instant(found.backups_until)}; {found.erased} in its database"
    if one.agrees is False:
        yield "  it names other bytes than this ledger has under those numbers: ask corporate"


def _as_json(one: Asked) -> dict[str, object]:
    found = one.statement
    return {
        "request": one.request,
        "scope": one.scope.values(),
        "at": one.at,
        "actor": one.actor,
        "outcome": one.outcome,
        "code": one.code,
        "deleted_at": None if found is None else found.deleted_at,
        "batches": None if found is None else found.batches,
        "counts": None if found is None else dict(found.counts),
        "backups_until": None if found is None else found.backups_until,
        "agrees": one.agrees,
        "document": one.document,
    }
