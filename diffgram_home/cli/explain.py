"""The command that explains values: of a field in general, or as they left in one line of a batch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import click

from audit.method import NOT_MEASURED
from diffgram_home import catalogues, explaining, reading, views
from diffgram_home.catalogues import Words
from diffgram_home.cli import base, text
from diffgram_home.cli.base import Stop, command, json_option, with_home
from diffgram_home.cli.exits import Exit
from diffgram_home.cli.fields import case_option
from diffgram_home.cli.traffic import LARGEST, body_of
from diffgram_home.home import Home


@command("explain")
@click.argument("field", required=False)
@click.option("--sequence", type=click.IntRange(1, LARGEST), help="Of the batch with this number, as it was sealed.")
@click.option("--line", type=click.IntRange(1), help="Of this line of the batch; 1 is its header. Default: 1.")
@case_option
@json_option
@with_home
def explain(
    home: Home, field: str | None, sequence: int | None, line: int | None, case: str | None, as_json: bool
) -> Exit:
    """How values are made: the code place or query, what it reads, its version, and what stands for something else.

    FIELD is a field's name, or a key, which several fields may have. With --sequence: the values of one line of what
    was sealed under that number, or of FIELD in it, explained by the catalogue by which it was sealed, which is kept
    here; the code of that release is not needed. A version is the beginning of the SHA-256 of the place's source:
    other code has another version. `python -m audit methods` holds the versions against the installed source.

    With --json: one object with catalogue, and values or fields.
    """
    if sequence is None and (field is None or line is not None):
        raise click.UsageError("name a field, or a line of a batch with --sequence and --line")
    if sequence is not None:
        return _of_line(home, field, sequence, line or 1, case, as_json)
    found = tuple(f for f in reading.fields(home) if field in (f.name, f.key) and case in (None, f.case))
    if not found:
        base.known(home.catalogue.fields, str(field), "field")
    if as_json:
        base.show_json({"catalogue": home.catalogue.hash, "fields": found})
    else:
        click.echo("\n\n".join(text.facts(_of_field(one)) for one in found))
    return Exit.DONE


def _of_field(field: views.Field) -> Iterator[tuple[str, object]]:
    yield "field", field.name
    yield "messages", ", ".join(field.kinds)
    yield "type", f"{field.type}, {field.unit}" if field.unit else field.type
    yield "what it is", field.brief
    yield from _made(field.explain, field.made, field.unmade)
    yield "took", NOT_MEASURED
    for value, words in field.stands.items():
        yield f"value {value}", words


def _of_line(home: Home, field: str | None, sequence: int, line: int, case: str | None, as_json: bool) -> Exit:
    body = body_of(home, sequence, case)
    words = catalogues.of(home, body)
    rows = body.split(b"\n")[:-1]
    if line > len(rows):
        raise Stop(f"number {sequence} has {len(rows)} lines", f"name a line from 1 to {len(rows)}", Exit.NOT_FOUND)
    shown = explaining.line(rows[line - 1], line, words.catalogue)
    values = tuple(value for value in shown.values if field in (None, value.path, value.field))
    if not values:
        there = ", ".join(value.path for value in shown.values)
        raise Stop(f"line {line} of number {sequence} has no '{field}'", f"it has {there}", Exit.NOT_FOUND)
    if as_json:
        stated = {"sequence": sequence, "line": line, "kind": shown.kind, "catalogue": words.hash or None}
        base.show_json({**stated, "kept": words.hash == words.catalogue.hash, "values": values})
        return Exit.DONE
    click.echo("\n\n".join(text.facts(_of_value(value)) for value in values))
    base.say(*_whose(words, sequence, line, shown.kind))
    return Exit.DONE


def _of_value(value: views.Value) -> Iterator[tuple[str, object]]:
    yield value.path, f"{value.text} ({value.means})" if value.means else value.text
    yield "field", value.field or "none"
    yield "type", f"{value.type}, {value.unit}" if value.unit else value.type
    yield "what it is", value.brief
    yield from _made(value.query, value.made, value.unmade)
    yield "took", value.duration


def _made(query: str | None, made: Iterable[views.Made], unmade: str) -> Iterator[tuple[str, object]]:
    if query:
        yield "counted by", query
    if unmade:
        yield "made by", unmade
    for one in made:
        yield "made by", f"{one.place}, version {one.version}"
        yield "from", ", ".join(one.inputs) or "nothing"


def _whose(words: Words, sequence: int, line: int, kind: str) -> Iterator[str]:
    yield f"line {line} of number {sequence}, {kind or 'no message'}"
    if words.past:
        yield f"in the words of the catalogue by which it was sealed: {words.hash}"
    elif words.hash != words.catalogue.hash:
        yield f"sealed by the catalogue {words.hash or 'unknown'}, which is not kept here: these are today's words"
