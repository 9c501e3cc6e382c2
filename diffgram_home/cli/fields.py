"""Commands that show what may leave, before anything does: cases, fields, diff, egress."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import click

from audit.catalogue import Review
from audit.modes import MODES
from diffgram_home import comparing, reading, releases, views
from diffgram_home import egress as registry
from diffgram_home.cli import base, text
from diffgram_home.cli.base import command, json_option, with_home
from diffgram_home.cli.exits import Exit
from diffgram_home.home import Home
from diffgram_home.privacy import PSEUDONYM

STATES = (
    *("undecided", "approved", "new", "changed", "expired"),
    *("declined", "withdrawn", "requested", "removed"),
)
case_option = click.option("--case", type=click.Choice(tuple(MODES)), help="Only this Limited Case.")


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
        and (state in (None, field.state) or (state == "undecided" and field.undecided))
        and sensitivity in (None, field.sensitivity)
        and (kind is None or kind in field.kinds)
        and all(word.lower() in searched for word in words)
    )


def _table(chosen: Iterable[views.Field]) -> str:
    headings = ("field", "case", "type", "state", "sensitivity", "identifies", "days kept", "what it is")
    return text.table(
        headings,
        ((f.name, f.case, f.type, _state(f), f.sensitivity, f.identifies, f.retention_days, f.brief) for f in chosen),
    )


def _state(f: views.Field) -> str:
    until = f" until {text.instant(f.expires_at)}" if f.expires_at else ""
    return f"{f.state}{until}{', off' if f.off else ''}"


def _in_full(field: views.Field) -> str:
    pairs = [(name, _words(getattr(field, name))) for name in views.Field.__dataclass_fields__]
    return text.facts((name, value) for name, value in pairs if value)


def _words(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(_words, value))
    if isinstance(value, views.Made):
        return f"{value.place} from {', '.join(value.inputs) or 'nothing'} (version {value.version})"
    if isinstance(value, Mapping):
        return "; ".join(f"{name}: {words}" for name, words in value.items())
    if isinstance(value, Review):
        return f"{value.date}, by {value.by}: {value.link}"
    return "" if value is None else str(value)


@command("diff")
@click.option(
    "--against",
    "paths",
    required=True,
    multiple=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE_OR_WHEEL",
    help="A catalogue file, or a wheel of diffgram-home or of the product. Repeat it for several at once.",
)
@json_option
@with_home
def diff(home: Home, paths: tuple[Path, ...], as_json: bool) -> Exit:
    """What a release would change, before you install it, compared with what is approved here.

    Each change says how (added, widened, longer kept, other purpose, removed, editorial), whether it is material, and
    what was decided here about the new definition, whose hash is printed: approved, declined, allowed by the policy, or
    waiting. Nothing of the release is executed, and nothing changes.

    Exit code 0: the upgrade asks for no decision, or for words only. 3: a material change waits for a decision; an
    upgrade pipeline can stop at it. 1: the file holds no catalogue, or a faulty one. 2: there is no such file.
    """
    now = datetime.now(UTC)
    new = releases.read(home.settings, paths)
    with home.store.read() as session:
        changes = comparing.release(new, home.catalogue, comparing.basis(session, now))
    stops = any(change.stops for change in changes)
    if as_json:
        base.show_json({"installed": home.catalogue.hash, "against": new.hash, "material": stops, "changes": changes})
    else:
        click.echo("\n".join(map(_change, changes)) or "no field and no kind changes")
        if stops:
            base.say("material changes wait for a decision: after the upgrade they are withheld until you approve them")
    return Exit.DECISION if stops else Exit.DONE


def _change(change: comparing.Asked) -> str:
    weight = "MATERIAL " if change.material else "editorial" if change.what == "reworded" else "         "
    how = ", ".join(change.aspects) or change.what
    decided = f" ({change.decision})" if change.decision != comparing.NONE else ""
    hashed = f"\n{'':11}definition {change.hash}" if change.hash else ""
    return text.printable(f"{weight}  {how}: {change.name}{decided}: {change.detail}") + hashed


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
