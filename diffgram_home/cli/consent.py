"""Commands with which a person decides what may leave: on, local, off, offline, approve, withdraw."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime

import click

from audit.catalogue import EVERY
from diffgram_home import consenting, reading, switching, views
from diffgram_home.cli import base, text
from diffgram_home.cli.base import Command, command, with_home
from diffgram_home.cli.exits import Exit
from diffgram_home.cli.fields import case_option
from diffgram_home.home import Home
from diffgram_home.settings import CASE_MODES

ROLE = "security"
_WHAT = {
    "on": "collected, and sent as far as its fields are approved",
    "local": "collected and shown here, never sent",
    "off": "not collected at all, and nothing is sent",
    "offline": "nothing is sent; signed files can be carried by hand",
}


def _switch(mode: str, help_text: str) -> Command:
    """The command that puts a case, or one kind of message, into `mode`."""

    @with_home
    def switch(home: Home, case: str, kind: str | None, yes: bool) -> Exit:
        _known_mode(home, case, kind, mode)
        switching.apply(home, datetime.now(UTC))  # what the file's owner changed is recorded as theirs, not as ours
        click.echo("\n".join(_consequence(home, case, kind, mode)), err=True)
        base.confirm(f'set {kind or case} to "{mode}"?', yes)
        switching.set_mode(home, case, kind, mode, base.actor(), datetime.now(UTC))
        click.echo(f"{kind or case}: {mode}")
        return Exit.DONE

    switch.__doc__ = help_text
    decorated: Callable[..., Exit] = base.yes_option(switch)
    decorated = click.argument("kind", required=False)(decorated)
    decorated = click.argument("case", type=click.Choice(tuple(CASE_MODES)))(decorated)
    return command(mode)(decorated)


def _known_mode(home: Home, case: str, kind: str | None, mode: str) -> None:
    """Raise a usage error for a kind that is not of the case, or a mode that it cannot have."""
    if kind is not None:
        base.known({k.name: k for k in home.catalogue.live_kinds(case)}, kind, f"kind of the case {case}")
    elif mode not in CASE_MODES[case]:
        raise click.UsageError(f'"{case}" cannot be "{mode}"; it can be {" or ".join(CASE_MODES[case])}')


def _consequence(home: Home, case: str, kind: str | None, mode: str) -> Iterable[str]:
    """What the change means, before it is made: what leaves, or what it costs that it does not."""
    row = next(row for row in reading.cases(home) if row.case == case)
    before = row.mode if kind is None else f"{row.kinds.get(kind, 'off')} (its case is {row.mode})"
    yield f"{kind or case} is {before}; {mode} means: {_WHAT[mode]}"
    if not row.installed:
        yield f"{case} is not installed in this release: nothing is collected or asked for yet"
    chosen = [f for f in reading.fields(home) if f.state != "removed" and (kind in f.kinds if kind else f.case == case)]
    if mode == "on":
        approved = sum(f.state == "approved" for f in chosen)
        yield f"{approved} of {len(chosen)} fields are approved and will leave to {home.settings.corporate.url}"
        if approved < len(chosen):
            yield "the others are withheld until you approve them: `diffgram-home approve`"
        yield "only what is collected from now on can leave; what is here already stays here"
        return
    yield "what is sealed and was never tried is voided; nothing is sent about this change itself"
    yield "what stops working:"
    costs = row.cost_of_off if kind is None else tuple(dict.fromkeys(f.if_off for f in chosen))
    yield from (f"  - {cost}" for cost in costs)


on = _switch(
    "on",
    """Let CASE, or one KIND of message in it, be sent.

    Only fields whose present definition is approved leave, and only what is collected from now on.""",
)
local = _switch(
    "local",
    """Collect CASE, or one KIND of message in it, and show it here, but never send it.""",
)
off = _switch(
    "off",
    """Collect nothing for CASE, or for one KIND of message in it.

    Says first what that costs. Nothing is sent about it: there is no opt-out beacon.""",
)
offline = _switch(
    "offline",
    """Stop the connection of the licensing case; signed files can then be carried by hand.""",
)


@command("approve")
@click.argument("names", nargs=-1)
@case_option
@click.option("--all", "everything", is_flag=True, help="Every field of the catalogue.")
@click.option("--authority", required=True, help="On whose authority, such as a ticket or the minutes of a meeting.")
@base.yes_option
@with_home
def approve(home: Home, names: tuple[str, ...], case: str | None, everything: bool, authority: str, yes: bool) -> Exit:
    """Approve fields as they are defined now, so that they may leave when their case is on.

    Name fields (a namespace such as `annotator` means all of its fields), or give --case or --all. With --case the
    fields that wrap every batch, home.header and home.envelope, are approved too, because nothing can leave without
    them. The approval is pinned to the hash of each definition: a release that changes one waits for you again.
    """
    chosen = _chosen(home, names, case, everything)
    waiting = [f for f in chosen if f.state not in ("approved", "requested")]
    if not waiting:
        click.echo("these fields are approved already")
        return Exit.DONE
    rows = ((f.name, f.case, f.type, f.state, f.identifies, f.brief) for f in waiting)
    click.echo(text.table(("field", "case", "type", "state", "identifies", "what it is"), rows), err=True)
    base.confirm(f"approve {len(waiting)} fields on the authority of {authority!r}?", yes)
    consenting.approve(home, [f.name for f in waiting], base.actor(), ROLE, authority, datetime.now(UTC))
    click.echo(f"approved {len(waiting)} fields")
    if any(f.case == EVERY and f.state != "approved" for f in reading.fields(home)):
        base.say("nothing can leave yet: approve the fields that wrap every batch, home.header and home.envelope")
    return Exit.DONE


@command("withdraw")
@click.argument("names", nargs=-1)
@case_option
@click.option("--all", "everything", is_flag=True, help="Every field of the catalogue.")
@base.yes_option
@with_home
def withdraw(home: Home, names: tuple[str, ...], case: str | None, everything: bool, yes: bool) -> Exit:
    """Take approval back: these fields do not leave any more, from this moment.

    What is sealed and waits with such a field in it is voided. What corporate has received stays with corporate.
    """
    chosen = [f for f in _chosen(home, names, case, everything, wrapping=False) if f.state == "approved"]
    if not chosen:
        click.echo("none of these fields is approved")
        return Exit.DONE
    click.echo("what stops working:\n" + "\n".join(f"  - {f.name}: {f.if_off}" for f in chosen), err=True)
    base.confirm(f"withdraw the approval of {len(chosen)} fields?", yes)
    consenting.withdraw(home, [f.name for f in chosen], base.actor(), ROLE, datetime.now(UTC))
    click.echo(f"withdrew the approval of {len(chosen)} fields")
    return Exit.DONE


def _chosen(
    home: Home, names: tuple[str, ...], case: str | None, everything: bool, *, wrapping: bool = True
) -> list[views.Field]:
    """The live fields that the command line means; a usage error for a name that is none."""
    if bool(names) + (case is not None) + everything != 1:
        raise click.UsageError("name fields, or give --case, or give --all")
    live = {f.name: f for f in reading.fields(home) if f.state not in ("removed", "requested")}
    wanted = {found for name in names for found in _named(live, name)}
    cases = {case, EVERY} if wrapping and case else {case}
    return [f for f in live.values() if everything or f.name in wanted or f.case in cases]


def _named(live: dict[str, views.Field], name: str) -> set[str]:
    """The field called `name`, or all fields of the namespace `name`."""
    inside = {field for field in live if field.startswith(f"{name}.")}
    return inside or {base.known(live, name, "field").name}
