"""Commands that show what may leave, before anything does: cases, fields, egress."""

from __future__ import annotations

from collections.abc import Iterable

import click

from diffgram_home import egress as registry
from diffgram_home import reading, views
from diffgram_home.cli import base, text
from diffgram_home.cli.base import command, json_option, with_home
from diffgram_home.cli.exits import Exit
from diffgram_home.home import Home
from diffgram_home.privacy import PSEUDONYM
from diffgram_home.settings import CASE_MODES

STATES = ("approved", "new", "changed", "withdrawn", "requested", "removed")
case_option = click.option("--case", type=click.Choice(tuple(CASE_MODES)), help="Only this Limited Case.")


@command("cases")
@json_option
@with_home
def cases(home: Home, as_json: bool) -> Exit:
    """The summary table: the only four cases in which anything may leave or be asked for.

    Live: with each case's mode now, how many of its fields are approved, and what it costs to turn it off. A field
    that identifies a person to whoever holds the database is named under the table.
    """
    rows = reading.cases(home)
    if as_json:
        base.show_json(rows)
        return Exit.DONE
    headings = ("case", "named case", "scope", "PII", "use", "direction", "customer can limit", "mode", "approved")
    click.echo(text.table(headings, (_case_row(row) for row in rows)))
    for row in rows:
        for one in row.asked:
            click.echo(f"\ncorporate asked: {one.what} {one.name} {one.to} until {text.instant(one.until)} ({one.why})")
    pseudonyms = [f.name for f in reading.fields(home) if f.identifies == PSEUDONYM and f.state != "removed"]
    if pseudonyms:
        click.echo(f"\na pseudonym of a person to whoever holds the database: {', '.join(pseudonyms)}")
    return Exit.DONE


def _case_row(row: views.Case) -> tuple[object, ...]:
    mode = row.mode if row.installed else f"{row.mode} (not installed)"
    approved = f"{row.approved} of {row.fields}"
    limit = row.customer_can_limit
    return (row.case, row.name, row.scope, row.personal, row.use, row.direction, limit, mode, approved)


@command("fields")
@click.argument("words", nargs=-1)
@case_option
@click.option("--kind", help="Only fields of this kind of message.")
@click.option("--state", type=click.Choice(STATES), help="Only fields in this state of approval.")
@click.option("--sensitivity", help="Only fields of this sensitivity.")
@click.option("--long", "in_full", is_flag=True, help="Everything about each field instead of a line.")
@json_option
@with_home
def fields(home: Home, words: tuple[str, ...], in_full: bool, as_json: bool, **narrow: str | None) -> Exit:
    """Every field that may ever leave, and whether you approved its present definition.

    WORDS narrow the list to fields whose name or description holds all of them.
    """
    if narrow["kind"] is not None:
        base.known(home.catalogue.kinds, narrow["kind"], "kind")
    chosen = tuple(f for f in reading.fields(home) if _fits(f, words, **narrow))
    if as_json:
        base.show_json(chosen)
    elif in_full:
        click.echo("\n\n".join(_in_full(field) for field in chosen))
    else:
        click.echo(_table(chosen))
        base.say(f"{len(chosen)} fields; catalogue {home.catalogue.hash}")
    return Exit.DONE


def _fits(
    field: views.Field,
    words: Iterable[str],
    case: str | None,
    kind: str | None,
    state: str | None,
    sensitivity: str | None,
) -> bool:
    searched = f"{field.name} {field.brief} {field.if_off}".lower()
    return (
        case in (None, field.case)
        and state in (None, field.state)
        and sensitivity in (None, field.sensitivity)
        and (kind is None or kind in field.kinds)
        and all(word.lower() in searched for word in words)
    )


def _table(chosen: Iterable[views.Field]) -> str:
    headings = ("field", "case", "type", "state", "sensitivity", "identifies", "days kept", "what it is")
    return text.table(
        headings,
        ((f.name, f.case, f.type, f.state, f.sensitivity, f.identifies, f.retention_days, f.brief) for f in chosen),
    )


def _in_full(field: views.Field) -> str:
    pairs = [(name, _words(getattr(field, name))) for name in views.Field.__dataclass_fields__]
    return text.facts((name, value) for name, value in pairs if value)


def _words(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)


@command("egress")
@json_option
def egress(as_json: bool) -> Exit:
    """Every host and port that this installation may ever contact, why, and whose it is.

    Computed from the settings; the door refuses everything else. Contacts nobody.
    """
    destinations = registry.registry(base.read_settings())
    if as_json:
        base.show_json(destinations)
    else:
        rows = ((d.host, d.port, d.protocol, d.whose, d.why) for d in destinations)
        click.echo(text.table(("host", "port", "protocol", "whose", "why"), rows))
    return Exit.DONE
