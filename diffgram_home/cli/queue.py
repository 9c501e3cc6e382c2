"""Commands about approval before sending: queue list, show, approve, refuse, set."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TextIO

import click

from audit.approval import LEVELS, REASONS, TWO
from audit.modes import MODES
from diffgram_home import approving, asking, levels, people, queueing
from diffgram_home.cli import base, text
from diffgram_home.cli.base import Stop, command, json_option, with_home
from diffgram_home.cli.exits import Exit
from diffgram_home.cli.fields import case_option
from diffgram_home.cli.traffic import sealed_now
from diffgram_home.home import Home
from diffgram_home.people import Denied

ROLE = "security"


def account_options(function: Callable[..., Exit]) -> Callable[..., Exit]:
    """The options with which somebody decides as the account that they also sign in to the pages with."""
    help_text = (
        "Decide as this account; you are asked for its password. Where two people are asked for, only this counts."
    )
    function = click.option(
        "--password-file",
        type=click.File("r"),
        help="File with that password in its first line.",
    )(function)
    return click.option("--account", metavar="NAME", help=help_text)(function)


@contextmanager
def acting(home: Home, account: str | None, password_file: TextIO | None):
    """Who decides: the user of this machine, or an account whose password was given."""
    if account is None:
        yield base.actor()
        return
    typed = password_file.readline().rstrip("\r\n") if password_file else None
    password = typed if typed is not None else click.prompt("password", hide_input=True, err=True)
    found = people.sign_in(home, account, password, f"command {base.actor()}", datetime.now(UTC))
    if isinstance(found, Denied):
        wait = f"wait {found.wait_s} seconds" if found.code == "wait" else "look at name and password"
        raise Stop("that is not an account and its password; nothing was changed", wait)
    try:
        if ROLE not in found.person.roles:
            raise Stop(f"the account '{account}' does not have the role '{ROLE}'", "let somebody decide who has it")
        yield found.person.actor
    finally:
        people.sign_out(home, found.token)


@command("list")
@case_option
@json_option
@with_home
def listed(home: Home, case: str | None, as_json: bool) -> Exit:
    """What waits for approval before sending, who approved it so far, and when it is voided without.

    Exit code 3 while something waits. Below stands what each case asks for.
    """
    now = datetime.now(UTC)
    sealed_now(home, case, now)
    found = queueing.waiting(home, now, case=case)
    ruled = queueing.ruled(home)
    if as_json:
        base.show_json({"waiting": found, "cases": ruled})
    else:
        headings = ("case", "number", "messages", "bytes", "asks for", "approved by", "voided without", "sha256")
        who = base.who(home)
        click.echo(text.table(headings, (_row(one, who) for one in found)) if found else "nothing waits for approval")
        click.echo("\n".join(_rule_line(rule, who) for rule in ruled))
    return Exit.DECISION if any(not entry.enough for entry in found) else Exit.DONE


def _row(entry: queueing.Waiting, who: Callable[[str], str]) -> tuple[object, ...]:
    by = ", ".join(map(who, entry.actors)) or "nobody"
    until = "refused" if entry.refused else "may go" if entry.expires_at is None else text.instant(entry.expires_at)
    return entry.case, entry.sequence, entry.messages, entry.size_bytes, entry.asks, by, until, entry.sha256


def _rule_line(rule: queueing.Rule, who: Callable[[str], str]) -> str:
    line = f"{rule.case} asks for approval of {rule.asks}"
    if rule.lowering is not None:
        line += f"; {who(rule.lowering.actor)} asks to set it to {rule.lowering.to}, which takes a second person"
    return line


@command("approve")
@click.argument("hashes", nargs=-1, metavar="SHA256...")
@click.option("--all", "everything", is_flag=True, help="Every batch that waits; each hash is shown first.")
@case_option
@account_options
@base.yes_option
@with_home
def approve(
    home: Home,
    hashes: tuple[str, ...],
    everything: bool,
    case: str | None,
    account: str | None,
    password_file: TextIO | None,
    yes: bool,
) -> Exit:
    """Approve batches before they are sent, by the SHA-256 of their very bytes.

    `diffgram-home pending` and `queue show` print these bytes. Sealed again a batch has other bytes, which nobody
    approved; a retry of the same bytes asks nobody. A case may ask for one person, or for two accounts neither of which
    made the other: then name yours with --account, since a user of this machine counts for one only.
    """
    if bool(hashes) == everything or (case and not everything):
        raise click.UsageError("name SHA-256s, or give --all (and --case)")
    now = datetime.now(UTC)
    sealed_now(home, case, now)
    found = {entry.sha256: entry for entry in queueing.waiting(home, now, case=case)}
    chosen = [sha256 for sha256, entry in found.items() if not entry.enough] if everything else list(hashes)
    if not chosen:
        click.echo("nothing waits for approval")
        return Exit.DONE
    base.say("these bytes:", *(_described(found, sha256) for sha256 in chosen))
    base.confirm(f"approve {len(chosen)} batches?", yes)
    with acting(home, account, password_file) as actor:
        done = approving.approve(home, chosen, actor, ROLE, datetime.now(UTC))
    who = base.who(home)
    for one in done:
        then = "may go" if one.enough else _more(one.actors)
        click.echo(
            f"{one.case} {one.sequence}: approved by {', '.join(map(who, one.actors))}; {then}, sha256 {one.sha256}"
        )
    return Exit.DONE


def _more(actors: Sequence[str]) -> str:
    if all(not actor.startswith("person:") for actor in actors):
        return "this case asks for two accounts, and a user of this machine counts for none: give --account"
    return "it takes another account, neither of which made the other"


def _described(found: dict[str, queueing.Waiting], sha256: str) -> str:
    entry = found.get(sha256)
    if entry is None:
        return sha256
    return f"{entry.case} {entry.sequence}: {entry.messages} messages, {text.size(entry.size_bytes)}, sha256 {sha256}"


@command("refuse")
@click.argument("sha256", metavar="SHA256")
@click.option("--reason", required=True, type=click.Choice(REASONS), help="Why; it stays in your own history.")
@click.option("--note", default="", help="In your own words; it stays here and never leaves.")
@account_options
@base.yes_option
@with_home
def refuse(
    home: Home, sha256: str, reason: str, note: str, account: str | None, password_file: TextIO | None, yes: bool
) -> Exit:
    """Refuse a batch that waits for approval: its number is voided, and its messages do not go.

    The void's own bytes, which go instead, are printed to standard output: a header without content. Corporate learns
    that the number carries no messages; not who refused, nor why.
    """
    now = datetime.now(UTC)
    found = {entry.sha256: entry for entry in queueing.waiting(home, now)}
    base.say("these bytes will not go, nor will their messages in another batch:", _described(found, sha256))
    base.confirm("refuse them?", yes)
    with acting(home, account, password_file) as actor:
        done = approving.refuse(home, sha256, actor, ROLE, reason, datetime.now(UTC), note=note)
    if done.void is None:
        base.say(f"refused {done.case} {done.sequence}; not even a void may leave now, so it is voided later")
        return Exit.DONE
    base.say(f"refused {done.case} {done.sequence}; in its place goes, sha256 {done.void_sha256}:")
    sys.stdout.buffer.write(done.void)
    sys.stdout.buffer.flush()
    return Exit.DONE


@command("show")
@click.argument("sha256", metavar="SHA256")
@with_home
def show(home: Home, sha256: str) -> Exit:
    """The exact bytes of a batch in the queue to standard output; who decided what about them to standard error."""
    found = queueing.one(home, sha256, datetime.now(UTC))
    if found is None or found.body is None:
        raise Stop(
            "no batch with this hash is here",
            "`diffgram-home queue list` shows what waits, with hashes",
            Exit.NOT_FOUND,
        )
    for entry in found.decisions:
        why = f" ({'; '.join(filter(None, (entry.reason, entry.note)))})" if entry.reason else ""
        base.say(f"{entry.decision} by {base.who(home)(entry.actor)} at {text.instant(entry.at)}{why}")
    sys.stdout.buffer.write(found.body)
    sys.stdout.buffer.flush()
    return Exit.DONE


@command("set")
@click.argument("case", type=click.Choice(tuple(MODES)))
@click.argument("level", type=click.Choice(LEVELS))
@account_options
@base.yes_option
@with_home
def set_level(home: Home, case: str, level: str, account: str | None, password_file: TextIO | None, yes: bool) -> Exit:
    """Let CASE ask for approval before sending: of none, one person, or two.

    It acts at once, also on what waits already, and stands under [approval] in the settings file. The file alone can
    ask for more and never for less. From two to less takes two accounts: the first asks, the second does the same.
    """
    rule = next(rule for rule in queueing.ruled(home) if rule.case == case)
    if rule.asks == TWO and level != TWO:
        base.say("this takes a second account, which does the same; until then two people are asked for")
    base.confirm(f"let {case}, which asks for approval of {rule.asks}, ask for {level}?", yes)
    with acting(home, account, password_file) as actor:
        done = asking.set_level(home, case, level, actor, ROLE, datetime.now(UTC))
    if done.step == levels.ASKED:
        click.echo(f"{case}: {done.before}; asked to set it to {level}, and a second account has to do the same")
        return Exit.DECISION
    click.echo(f"{case}: {done.after}")
    return Exit.DONE


queue = click.Group(
    "queue",
    commands=(listed, show, approve, refuse, set_level),
    help="Approval before sending: list, show, approve, refuse, set.",
)
