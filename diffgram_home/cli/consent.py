"""Commands with which a person decides what may leave: on, local, off, offline, field, approve, decline, withdraw."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime

import click

from audit.catalogue import EVERY
from audit.modes import MODES
from diffgram_home import consenting, reading, switching, views
from diffgram_home.cli import base, text
from diffgram_home.cli.base import Command, Stop, command, with_home
from diffgram_home.cli.exits import Exit
from diffgram_home.cli.fields import case_option
from diffgram_home.home import Home
from diffgram_home.settings import FIELD_MODES

ROLE = "security"
_WHAT = {
    "on": "collected, and sent as far as its fields are approved",
    "local": "collected and shown here, never sent",
    "off": "not collected at all, and nothing is sent",
    "offline": "sealed, and carried by hand only (`carry out`); nothing goes over a connection",
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
    decorated = click.argument("case", type=click.Choice(tuple(MODES)))(decorated)
    return command(mode)(decorated)


def _known_mode(home: Home, case: str, kind: str | None, mode: str) -> None:
    """Raise a usage error for a kind that is not of the case, or a mode that it cannot have."""
    if kind is not None:
        base.known({k.name: k for k in home.catalogue.live_kinds(case)}, kind, f"kind of the case {case}")
    elif mode not in MODES[case]:
        raise click.UsageError(f'"{case}" cannot be "{mode}"; it can be {" or ".join(MODES[case])}')


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


@command("field")
@click.argument("mode", type=click.Choice(FIELD_MODES))
@click.argument("names", nargs=-1, required=True)
@base.yes_option
@with_home
def field(home: Home, mode: str, names: tuple[str, ...], yes: bool) -> Exit:
    """Switch single fields off, or on again, whatever was decided about them.

    A field that is off is dropped from every message, from this moment: products reduce it no more, and
    the gate holds what they collected meanwhile. Only `at` takes its message with it. On takes that back, and nothing
    else: a field leaves as far as it is approved. The switch stands under [fields] in the settings file.
    """
    chosen = _chosen(home, names, None, False)
    moved = [f for f in chosen if f.off is (mode == "on")]
    if not moved:
        click.echo(f"these fields are {mode} already")
        return Exit.DONE
    switching.apply(home, datetime.now(UTC))  # what the file's owner changed is recorded as theirs, not as ours
    click.echo("\n".join(_field_consequence(moved, mode)), err=True)
    base.confirm(f"switch {len(moved)} fields {mode}?", yes)
    switching.set_fields(home, [f.name for f in moved], mode, base.actor(), datetime.now(UTC))
    click.echo("\n".join(f"{f.name}: {mode}" for f in moved))
    return Exit.DONE


def _field_consequence(moved: Iterable[views.Field], mode: str) -> Iterable[str]:
    if mode == "off":
        yield "what stops working:"
        yield from (f"  - {f.name}: {f.if_off}" for f in moved)
        return
    for f in moved:
        leaves = "leaves again when its case is on" if f.state == "approved" else f"stays here: it is {f.state}"
        yield f"{f.name} {leaves}"


_authority = "On whose authority, such as a ticket or the minutes of a meeting."


@command("approve")
@click.argument("names", nargs=-1)
@case_option
@click.option("--all", "everything", is_flag=True, help="Every field of the catalogue that nobody declined.")
@click.option("--from-policy", is_flag=True, help="The definitions that [policy] allow names in the settings file.")
@click.option("--authority", required=True, help=_authority)
@click.option(
    "--expires",
    metavar="DATE",
    callback=lambda _context, _option, value: _date(value),
    help="The last day (UTC) of the approval, such as 2027-06-30; `never` takes a date away.",
)
@base.yes_option
@with_home
def approve(
    home: Home,
    names: tuple[str, ...],
    case: str | None,
    everything: bool,
    from_policy: bool,
    authority: str,
    expires: datetime | None,
    yes: bool,
) -> Exit:
    """Approve fields as they are defined now, so that they may leave when their case is on.

    Name fields (a namespace such as `annotator` means all of its fields, a kind of message such as `home/error` all of
    its fields), or give --case or --all. With --case the
    fields that wrap every batch, home.header and home.envelope, are approved too, because nothing can leave without
    them. The approval is pinned to the hash of each definition: a release that changes one waits for you again. With
    --expires it ends after that day; approved fields get the new date. What was declined is approved only by name.

    With --from-policy the definitions under [policy] allow in the settings file count as approved: those that are here
    at once, those that a release brings when they appear. The file alone approves nothing; this command does, as you.
    """
    if from_policy:
        return _approve_from_policy(home, authority, yes, exclusive=not (names or case or everything or expires))
    renew = expires is not None
    chosen = _chosen(home, names, case, everything)
    fresh = [f for f in chosen if f.state != "approved" and (f.state != "declined" or f.name in names)]
    waiting = fresh + ([f for f in chosen if f.state == "approved"] if renew else [])
    if not waiting:
        click.echo("these fields are approved already")
        return Exit.DONE
    rows = ((f.name, f.case, f.type, f.state, f.identifies, f.brief) for f in waiting)
    click.echo(text.table(("field", "case", "type", "state", "identifies", "what it is"), rows), err=True)
    until = "" if expires in (None, NEVER) else f", until {text.instant(expires)},"
    base.confirm(f"approve {len(waiting)} fields{until} on the authority of {authority!r}?", yes)
    ends = None if expires is NEVER else expires
    now = datetime.now(UTC)
    chosen_names = [f.name for f in waiting]
    consenting.approve(home, chosen_names, base.actor(), ROLE, authority, now, expires_at=ends, renew=renew)
    click.echo(f"approved {len(waiting)} fields")
    if any(f.case == EVERY and f.state != "approved" for f in reading.fields(home)):
        base.say("nothing can leave yet: approve the fields that wrap every batch, home.header and home.envelope")
    return Exit.DONE


def _approve_from_policy(home: Home, authority: str, yes: bool, *, exclusive: bool) -> Exit:
    if not exclusive:
        raise click.UsageError("--from-policy approves what the policy names: give no names, --case, --all, --expires")
    switching.apply(home, datetime.now(UTC))
    named = base.read_settings().policy.allow
    if not named:
        raise Stop('"allow" under [policy] names no definition', "`diffgram-home diff --against FILE` prints hashes")
    click.echo("\n".join(named), err=True)
    base.confirm(f"approve these {len(named)} definitions on the authority of {authority!r}?", yes)
    done = consenting.allow(home, base.actor(), ROLE, authority, datetime.now(UTC))
    click.echo(f"recorded {len(done.hashes)} definitions; approved {len(done.names)} fields that are here")
    return Exit.DONE


NEVER = datetime.max.replace(tzinfo=UTC)
"""What `--expires never` is parsed to."""


def _date(value: str | None) -> datetime | None:
    """The moment at which the day `value` ends, in UTC; NEVER for that word."""
    if value is None:
        return None
    if value == "never":
        return NEVER
    try:
        return consenting.end_of_day(value)
    except ValueError as error:
        raise click.BadParameter(f"{error}, or never") from None


@command("decline")
@click.argument("names", nargs=-1, required=True)
@click.option("--authority", required=True, help=_authority)
@base.yes_option
@with_home
def decline(home: Home, names: tuple[str, ...], authority: str, yes: bool) -> Exit:
    """Say no to fields as they are defined now: nobody is asked again until a release changes the definition.

    They stay here. An approval of them ends, and what is sealed and waits with such a field in it is voided.
    """
    chosen = [f for f in _chosen(home, names, None, False) if f.state != "declined"]
    if not chosen:
        click.echo("these fields are declined already")
        return Exit.DONE
    click.echo("what does not work without them:", err=True)
    click.echo("\n".join(f"  - {f.name}: {f.if_off}" for f in chosen), err=True)
    base.confirm(f"decline {len(chosen)} fields on the authority of {authority!r}?", yes)
    consenting.decline(home, [f.name for f in chosen], base.actor(), ROLE, authority, datetime.now(UTC))
    click.echo(f"declined {len(chosen)} fields")
    return Exit.DONE


@command("withdraw")
@click.argument("names", nargs=-1)
@case_option
@click.option("--all", "everything", is_flag=True, help="Every field of the catalogue.")
@click.option("--authority", default="", help=_authority)
@base.yes_option
@with_home
def withdraw(home: Home, names: tuple[str, ...], case: str | None, everything: bool, authority: str, yes: bool) -> Exit:
    """Take approval back: these fields do not leave any more, from this moment.

    What is sealed and waits with such a field in it is voided. What corporate has received stays with corporate.
    """
    chosen = [f for f in _chosen(home, names, case, everything, wrapping=False) if f.state == "approved"]
    if not chosen:
        click.echo("none of these fields is approved")
        return Exit.DONE
    click.echo("what stops working:\n" + "\n".join(f"  - {f.name}: {f.if_off}" for f in chosen), err=True)
    base.confirm(f"withdraw the approval of {len(chosen)} fields?", yes)
    consenting.withdraw(home, [f.name for f in chosen], base.actor(), ROLE, datetime.now(UTC), authority)
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
    """The field called `name`, or all fields of the namespace, or of the kind of message, `name`."""
    inside = {field for field, of in live.items() if field.startswith(f"{name}.") or name in of.kinds}
    return inside or {base.known(live, name, "field").name}
