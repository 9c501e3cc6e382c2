"""The command with which a person chooses how a field's values leave, and sees beforehand what that does to them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import click

from diffgram_home import reading, switching, transforming
from diffgram_home.cli import base, text
from diffgram_home.cli.base import command, json_option, with_home
from diffgram_home.cli.exits import Exit
from diffgram_home.home import Home

NONE = "none"


@command("transform")
@click.argument("name")
@click.argument("word", required=False)
@json_option
@base.yes_option
@with_home
def transform(home: Home, name: str, word: str | None, as_json: bool, yes: bool) -> Exit:
    """Choose how the values of the field NAME leave, within what its definition permits.

    WORD is one of the transforms that the definition permits, such as round:10, or none: as they were collected.
    Without it nothing is changed: every choice is shown with what it does to the values that wait now.

    Values become coarser and never finer than they were. Corporate is told which transform was used. A batch that waits
    with finer values is voided, and its messages are sealed again. suppress and drop-rare look at the messages of one
    kind in one batch, and at nothing else. The choice stands under [transforms] in the settings file.
    """
    permitting = {f.name: f for f in reading.fields(home) if f.transforms and f.state != "removed"}
    field = base.known(permitting, name, "field that permits a transform")
    if word is not None and word not in (NONE, *field.transforms):
        raise click.UsageError(f'"{name}" permits {", ".join(field.transforms)}, or {NONE}')
    switching.apply(home, datetime.now(UTC))  # what the file's owner changed is recorded as theirs, not as ours
    found = transforming.effects(home, name, datetime.now(UTC))
    if word is None:
        _show(found, as_json)
        return Exit.DONE
    chosen = None if word == NONE else word
    if chosen == found.chosen:
        click.echo(f"{name}: {word} already")
        return Exit.DONE
    click.echo("\n".join(_lines(next(effect for effect in found.effects if effect.word == chosen))), err=True)
    base.confirm(f"let {name} leave so?", yes)
    done = switching.set_transform(home, name, chosen, base.actor(), datetime.now(UTC))
    click.echo(f"{name}: {word}" + (f"; batches voided and sealed again: {done.voided}" if done.voided else ""))
    return Exit.DONE


def _show(found: transforming.Effects, as_json: bool) -> None:
    if as_json:
        base.show_json(found)
        return
    click.echo("\n\n".join("\n".join(_lines(effect, found.chosen)) for effect in found.effects))
    if found.cut:
        base.say(f"more waits than was looked at: these are the oldest {transforming.LOOKED_AT} messages")


def _lines(effect: transforming.Effect, chosen: str | None = "") -> Iterator[str]:
    yield f"{effect.word or NONE}{' (chosen now)' if effect.word == chosen else ''}: {effect.does}"
    if not effect.messages:
        yield "  nothing waits that carries the field"
        return
    left = f", and {effect.missing} would not" if effect.missing else ""
    yield (
        f"  values that wait: {effect.messages}, of them different: {effect.distinct_before}; "
        f"different values that would leave: {effect.distinct_after}{left}"
    )
    if effect.word is None:
        return
    yield from (
        text.printable(f"  {step.before} -> {'nothing' if step.after is None else step.after}  ({step.messages})")
        for step in effect.steps
    )
    if effect.more:
        yield f"  and {effect.more} more"
