"""Commands about support: requests, preview, approve, refuse, revoke, stop, history, show."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TextIO

import click

from audit.approval import REASONS
from diffgram_home import bodies
from diffgram_home.cli import base, text
from diffgram_home.cli.base import Stop, command, json_option, with_home
from diffgram_home.cli.exits import Exit
from diffgram_home.cli.queue import account_options, acting
from diffgram_home.home import Home
from diffgram_home.supporting import deciding, looking
from diffgram_home.supporting.keeping import PENDING

ROLE = "security"


@command("requests")
@json_option
@with_home
def requests(home: Home, as_json: bool) -> Exit:
    """What support asks for and why, and which grants hold. Exit code 3 while something waits for a decision.

    Who asks is what corporate says; the thumbprint is of the key that a grant is bound to.
    """
    deciding.attend(home, datetime.now(UTC))
    found = looking.requests(home)
    if as_json:
        base.show_json(found)
    else:
        click.echo("\n\n".join(_described(one) for one in found) if found else "support asks for nothing")
    return Exit.DECISION if any(one.state == PENDING for one in found) else Exit.DONE


@command("preview")
@click.argument("request")
@json_option
@with_home
def preview(home: Home, request: str, as_json: bool) -> Exit:
    """What the routes that REQUEST asks for would answer now, before the gate. Nothing is decided by it.

    The exact bytes are made when you approve, and leave only after somebody approved these, too.
    """
    found = looking.preview(home, request, datetime.now(UTC))
    if as_json:
        base.show_json(found)
        return Exit.DONE
    for one in found:
        click.echo(f"{one.route}: {one.outcome}")
        for line in one.lines:
            click.echo(f"  {line}")
    return Exit.DONE


@command("approve")
@click.argument("request")
@click.option("--route", "routes", multiple=True, help="Only this of the routes; give it once for each.")
@click.option("--minutes", type=click.IntRange(1), help="For so long; never longer than asked, or than policy allows.")
@account_options
@base.yes_option
@with_home
def approve(
    home: Home,
    request: str,
    routes: tuple[str, ...],
    minutes: int | None,
    account: str | None,
    password_file: TextIO | None,
    yes: bool,
) -> Exit:
    """Grant REQUEST, or less of it. The answer is made and its exact bytes are printed; nothing has left then.

    It leaves when somebody has approved these very bytes: `diffgram-home queue approve SHA256`, of one person, or of
    two where `queue set support two` says so. The time of the grant starts now.
    """
    one = looking.one(home, request)
    base.say("this is granted:", *_terms(one, routes, minutes))
    base.confirm("grant it, and make the answer?", yes)
    lasts = timedelta(minutes=minutes) if minutes else None
    with acting(home, account, password_file) as actor:
        done = deciding.approve(home, one.id, actor, ROLE, datetime.now(UTC), routes=routes or None, lasts=lasts)
    for made in done.made:
        base.say(f"nothing has left; to let these bytes go: `diffgram-home queue approve {made.sha256}`")
        _print(home, made.sha256)
    return Exit.DONE


@command("refuse")
@click.argument("request")
@click.option("--reason", required=True, type=click.Choice(REASONS), help="Why; support is told this word.")
@click.option("--note", default="", help="In your own words; it stays here and never leaves.")
@account_options
@with_home
def refuse(home: Home, request: str, reason: str, note: str, account: str | None, password_file: TextIO | None) -> Exit:
    """Refuse REQUEST. No route is asked.

    Support is told only if you also approve the bytes that say so, which are printed; else it sees the request end.
    """
    with acting(home, account, password_file) as actor:
        done = deciding.refuse(home, request, actor, ROLE, reason, datetime.now(UTC), note=note)
    click.echo(f"{done.request}: refused")
    _say_how_to_tell(done)
    return Exit.DONE


@command("revoke")
@click.argument("request")
@account_options
@with_home
def revoke(home: Home, request: str, account: str | None, password_file: TextIO | None) -> Exit:
    """End the grant of REQUEST at once: what has not left under it does not leave any more."""
    with acting(home, account, password_file) as actor:
        done = deciding.revoke(home, request, actor, ROLE, datetime.now(UTC))
    click.echo(f"{done.request}: ended")
    _say_how_to_tell(done)
    return Exit.DONE


@command("stop")
@account_options
@base.yes_option
@with_home
def stop(home: Home, account: str | None, password_file: TextIO | None, yes: bool) -> Exit:
    """End all support: every grant, every request that waits, until `diffgram-home on support`.

    Nothing is told to corporate. It voids the default SLA.
    """
    base.confirm("end all support?", yes)
    with acting(home, account, password_file) as actor:
        ended = deciding.stop(home, actor, ROLE, datetime.now(UTC))
    click.echo(f"support is off; {ended} ended")
    return Exit.DONE


@command("history")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 1000), help="At most so many.")
@json_option
@with_home
def history(home: Home, limit: int, as_json: bool) -> Exit:
    """Every request, newest first: who asked, who decided, every route that answered, in which bytes, when it ended.

    It stays when a grant is over. `--json` is for export; each step is also a leaf (`diffgram-home history`).
    """
    found = looking.history(home, limit)
    if as_json:
        base.show_json_lines(found)
    else:
        click.echo("\n\n".join(_described(one) for one in found) if found else "support has never asked")
    return Exit.DONE


@command("show")
@click.argument("request")
@click.argument("document", type=click.Choice(("request", "grant", "ending")))
@with_home
def show(home: Home, request: str, document: str) -> Exit:
    """Print a signed DOCUMENT of REQUEST, a compact JWS: corporate's request, our grant, or our ending of it."""
    found = looking.documents(home, request)[document]
    if found is None:
        raise Stop(f"request {request!r} has no {document}", "`diffgram-home support history` shows it", Exit.NOT_FOUND)
    click.echo(found)
    return Exit.DONE


def _described(one: looking.Asked) -> str:
    who = f"{one.role}{f' {one.name}' if one.name else ''}, key {one.requester}"
    lines = [
        f"{one.id}  {one.state}{f' ({one.why})' if one.why else ''}",
        f"  asked by {who}",
        f"  {one.reason}, ticket {one.ticket}, for {_span(one.lasts)}, came {text.instant(one.taken_at)}",
        *(f"  {_mark(one, route)} {route.name}: {route.brief or 'no such route here'}" for route in one.routes),
    ]
    if one.state == PENDING:
        lines.append(f"  ends without a decision at {text.instant(one.expires_at)}")
    if one.decided_by and one.decided_at:
        until = f", until {text.instant(one.ends_at)}" if one.ends_at else ""
        lines.append(f"  decided by {one.decided_by} at {text.instant(one.decided_at)}{until}")
    lines += [f"  bytes {b.sha256} number {b.sequence} {b.state}, {text.size(b.size_bytes)}" for b in one.batches]
    lines += [f"  {use.route} {use.outcome}, {use.messages} messages, leaf {use.leaf}" for use in one.uses]
    if one.ended_at:
        lines.append(f"  ended at {text.instant(one.ended_at)}")
    return "\n".join(lines)


def _mark(one: looking.Asked, route: looking.RouteLine) -> str:
    return "+" if route.granted else "?" if one.state == PENDING else "-"


def _terms(one: looking.Asked, routes: Sequence[str], minutes: int | None) -> list[str]:
    chosen = [route for route in one.routes if route.brief and (not routes or route.name in routes)]
    lasts = timedelta(minutes=minutes) if minutes else one.most
    return [f"request {one.id}, for {_span(lasts)}", *(f"{route.name}: {route.brief}" for route in chosen)]


def _span(lasts: timedelta) -> str:
    return f"{int(lasts.total_seconds() // 60)} minutes"


def _say_how_to_tell(done: deciding.Decided) -> None:
    for made in done.made:
        base.say(f"corporate is told by these bytes, if you let them go: `diffgram-home queue approve {made.sha256}`")


def _print(home: Home, sha256: str) -> None:
    with home.store.read() as session:
        body = bodies.get(session, sha256)
    sys.stdout.buffer.write(body or b"")
    sys.stdout.buffer.flush()


support = click.Group(
    "support",
    commands=(requests, preview, approve, refuse, revoke, stop, history, show),
    help="Support: requests, preview, approve, refuse, revoke, stop, history, show.",
)
