"""issue list, show, resolve, ignore, open, assign, comment, merge, split, releases, rules, rule, remove-rule."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, date, datetime
from typing import Any

import click

from corporate.cli.shared import AS_JSON, actor, opened, show_json
from corporate.database import Store
from corporate.errors import OperatorError
from corporate.issues import acting, documents, finding, healthy, rules, showing
from corporate.issues.acting import Until
from corporate.issues.finding import Filter

NUMBER = click.argument("number", type=click.IntRange(1, 2**63 - 1))
_DAY = click.DateTime(["%Y-%m-%d"])


@click.group("issue")
def group() -> None:
    """Errors that are one fault: list them, look at one, and say what becomes of it."""


@group.command("list")
@click.option("--state", type=click.Choice(finding.STATES), default=finding.UNRESOLVED, show_default=True)
@click.option("--words", default="", help="Words in title, type or place.")
@click.option("--release", default="", help="Shown by this release.")
@click.option("--installation", default="", help="Shown by this installation.")
@click.option("--customer", default="", help="Shown by an installation of this customer.")
@click.option("--assigned", default="", help="Assigned to this account; - for nobody.")
@click.option("--in-product", is_flag=True, help="Only through code of ours.")
@click.option("--since", type=_DAY, help="Seen on this day or later.")
@click.option("--until", type=_DAY, help="Seen on this day or before.")
@click.option("--sort", type=click.Choice(list(finding.SORTS)), default="last", show_default=True)
@click.option("--after", default="", help="Go on after this key, which the page before printed.")
@AS_JSON
@click.pass_context
def list_all(
    context: click.Context, since: datetime | None, until: datetime | None, as_json: bool, **chosen: Any
) -> None:
    """List issues, 50 at once."""
    with opened(context) as store:
        found = finding.find(store, Filter(since=_date(since), until=_date(until), **chosen))
    if as_json:
        rows = [documents.plain(issue) for issue in found.rows]
        show_json({"issues": rows, "total": found.total, "after": found.after})
        return
    for issue in found.rows:
        click.echo(
            f"{issue.id:>6}  {issue.state:9}  {issue.count:>8}  {issue.installations:>5}  "
            f"{issue.last_at:%Y-%m-%d %H:%M}  {issue.title}  {issue.culprit}"
        )
    if found.after is not None:
        click.echo(f"{found.total} in all; go on with --after {found.after}", err=True)


@group.command("show")
@NUMBER
@AS_JSON
@click.pass_context
def show(context: click.Context, number: int, as_json: bool) -> None:
    """Show one issue: what was said, where, how often, where it was seen, and what was done about it."""
    with opened(context) as store:
        found = showing.show(store, number, datetime.now(UTC))
    if found is None:
        raise OperatorError("issue", f"no issue {number}", "see diffgram-corporate issue list")
    if as_json:
        show_json(documents.of(found))
        return
    click.echo(f"#{number}  {found.issue.title}\n{found.issue.culprit}\n")
    for link in found.chain:
        click.echo(
            f"{link.type}: {''.join(f'<{piece.shape}>' if piece.shape else piece.text for piece in link.pieces)}"
        )
    for frame in found.frames:
        click.echo(f"  {'*' if frame.in_product else ' '} {frame.place}")
    click.echo(f"\n{found.issue.state}; {found.issue.count} events on {found.issue.installations} installations")
    for row in found.releases:
        click.echo(f"  {row.name}: {row.count} events on {row.spread} installations, last {row.last_at:%Y-%m-%d %H:%M}")
    for act in found.acts:
        click.echo(f"{act.at:%Y-%m-%d %H:%M}  {act.actor}  {act.what}  {act.words}")


@group.command()
@NUMBER
@click.option("--in", "release", help="The release that mends it; without, the next one.")
@click.pass_context
def resolve(context: click.Context, number: int, release: str | None) -> None:
    """Say that it is mended. An event of that release, or of a newer one, brings it back as regressed."""
    _act(context, lambda store, now: acting.resolve(store, number, release, actor(), now))
    click.echo(f"{number} is resolved in {release or 'the next release'}")


@group.command()
@NUMBER
@click.option("--events", type=int, help="Until so many more events.")
@click.option("--installations", type=int, help="Until on so many more installations.")
@click.option("--days", type=int, help="For so many days.")
@click.pass_context
def ignore(
    context: click.Context, number: int, events: int | None, installations: int | None, days: int | None
) -> None:
    """Ignore it until one of the limits is passed; without any, until it is opened again."""
    until = Until(events, installations, days)
    _act(context, lambda store, now: acting.ignore(store, number, until, actor(), now))
    click.echo(f"{number} is ignored")


@group.command("open")
@NUMBER
@click.pass_context
def reopen(context: click.Context, number: int) -> None:
    """Open it again."""
    _act(context, lambda store, now: acting.reopen(store, number, actor(), now))
    click.echo(f"{number} is open")


@group.command()
@NUMBER
@click.argument("account", required=False)
@click.pass_context
def assign(context: click.Context, number: int, account: str | None) -> None:
    """Assign it to ACCOUNT, or to nobody."""
    _act(context, lambda store, now: acting.assign(store, number, account, actor(), now))
    click.echo(f"{number} is assigned to {account or 'nobody'}")


@group.command()
@NUMBER
@click.argument("words")
@click.pass_context
def comment(context: click.Context, number: int, words: str) -> None:
    """Say something about it to the others."""
    _act(context, lambda store, now: acting.comment(store, number, words, actor(), now))
    click.echo(f"{number} has your comment")


@group.command()
@NUMBER
@click.argument("other", type=click.IntRange(1, 2**63 - 1))
@click.pass_context
def merge(context: click.Context, number: int, other: int) -> None:
    """Take the issue OTHER into NUMBER: its events, groups and history; its own state and number go."""
    _act(context, lambda store, now: acting.merge(store, number, other, actor(), now))
    click.echo(f"{other} is a part of {number}")


@group.command()
@NUMBER
@click.argument("groups", nargs=-1, required=True, type=int)
@click.pass_context
def split(context: click.Context, number: int, groups: tuple[int, ...]) -> None:
    """Make an issue of its own of some GROUPS of NUMBER; `issue show --json` has their numbers."""
    made: list[int] = []
    _act(context, lambda store, now: made.append(acting.split(store, number, groups, actor(), now)))
    click.echo(f"{made[0]} came of {number}")


@group.command("releases")
@AS_JSON
@click.pass_context
def list_releases(context: click.Context, as_json: bool) -> None:
    """Release health: sessions without errors by release, of what arrived in the last 14 days."""
    with opened(context) as store:
        rows = healthy.of_releases(store, datetime.now(UTC))
    if as_json:
        show_json([{**asdict(row), "without": row.without} for row in rows])
        return
    for row in rows:
        share = "" if row.without is None else f"  {100 * row.without:.2f} % without errors"
        click.echo(f"{row.release or '?'}  {row.counted}  {row.sessions} sessions, {row.errored} with errors{share}")


@group.command("rules")
@AS_JSON
@click.pass_context
def list_rules(context: click.Context, as_json: bool) -> None:
    """List the overrides of grouping, oldest first: the first that fits counts."""
    with opened(context) as store:
        rows = rules.listed(store)
    names = ("id", "name", "kind", "place", "words", "made_at", "made_by")
    if as_json:
        show_json([{name: getattr(row, name) for name in names} for row in rows])
        return
    for row in rows:
        stated = ", ".join(f"{name} {value!r}" for name in ("kind", "place", "words") if (value := getattr(row, name)))
        click.echo(f"{row.id}  {row.name}: {stated}  by {row.made_by}, {row.made_at:%Y-%m-%d}")


@group.command("rule")
@click.argument("name")
@click.option("--type", "kind", help="An exception type of the chain.")
@click.option("--place", help="A module or function of the product, with all below it.")
@click.option("--words", help="A part of the message's words.")
@click.pass_context
def make_rule(context: click.Context, name: str, kind: str | None, place: str | None, words: str | None) -> None:
    """Make one issue, NAME, of all errors that arrive from now on and fit everything that is stated."""
    with opened(context) as store:
        number = rules.make(store, name, kind, place, words, actor(), datetime.now(UTC))
    click.echo(f"rule {number}")


@group.command("remove-rule")
@NUMBER
@click.pass_context
def remove_rule(context: click.Context, number: int) -> None:
    """Remove an override of grouping; what it grouped stays."""
    with opened(context) as store:
        rules.remove(store, number)
    click.echo(f"rule {number} is removed")


def _act(context: click.Context, do: Callable[[Store, datetime], object]) -> None:
    with opened(context) as store:
        do(store, datetime.now(UTC))


def _date(given: datetime | None) -> date | None:
    return None if given is None else given.date()


COMMANDS = (group,)
"""The group of all of them."""
