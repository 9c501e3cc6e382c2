"""The command about reports: what the page shows, as text or JSON; and counting at once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import click

from diffgram_home.cli import base, text
from diffgram_home.cli.base import Stop, command, json_option, with_home
from diffgram_home.cli.exits import Exit
from diffgram_home.home import Home
from diffgram_home.reports import keeping, looking
from diffgram_home.reports.looking import OUTCOMES, REASONS, Report
from support_routes import reporting


@command("report")
@click.argument("name", required=False)
@click.option("--days", type=click.IntRange(1, looking.LONGEST), default=30, show_default=True, help="How many days.")
@click.option("--explain", is_flag=True, help="Also the query, the code place, the schedule, and who may see it.")
@click.option("--now", "at_once", is_flag=True, help="Count NAME now; the number is kept like a scheduled one.")
@json_option
@with_home
def report(home: Home, name: str | None, days: int, explain: bool, at_once: bool, as_json: bool) -> Exit:
    """The aggregate reports: counts over many objects that the product declares, made here in its own database.

    Without NAME the last numbers of each; with it, its series. -1 says that the time was over, -2 that it failed: there
    is no number then, and none is guessed. Groups of fewer than [reports] smallest_group are withheld with others, so
    that the total does not tell them. What support gets, if somebody grants it, are these last numbers.
    """
    now = datetime.now(UTC)
    known = reporting.by_name(home.reporters)
    if at_once and name is None:
        raise Stop("--now counts one report", "name it", Exit.USAGE)
    chosen = [base.known(known, name, "reporter")] if name is not None else list(home.reporters)
    if at_once:
        keeping.count(home, chosen[0], now)
    found = [looking.report(home, one, now - timedelta(days=days), datetime.now(UTC)) for one in chosen]
    if as_json:
        base.show_json_lines(found)
        return Exit.DONE
    if not found:
        base.say("no reporters are declared", "to do: name the product's reporters and its database in [reports]")
    for one in found:
        _print(one, whole=name is not None, explain=explain)
    return Exit.DONE


def _print(one: Report, whole: bool, explain: bool) -> None:
    state = f"not counted: {one.off}" if one.off else one.mode
    click.echo(text.printable(f"{one.name}: {one.explain} ({state})"))
    shown = one.measurements if whole else one.measurements[-1:]
    rows = [(text.instant(kept.at), _numbers(kept), f"{kept.took_ms} ms") for kept in reversed(shown)]
    if rows:
        click.echo(text.table(("counted at", "numbers", "took"), rows))
    else:
        click.echo(f"  not counted yet; next at {text.instant(one.next_at)}")
    if explain:
        click.echo(text.table(("", ""), _explained(one)))


def _numbers(kept: keeping.Kept) -> str:
    if kept.outcome in OUTCOMES:
        return f"{OUTCOMES[kept.outcome]} ({REASONS.get(kept.reason, kept.reason)})"
    told = [
        f"{group}{' ' if group else ''}{key} {value}"
        for group, numbers in kept.counts.items()
        for key, value in numbers.items()
    ]
    return "; ".join([*told, *([f"withheld: {', '.join(kept.withheld)}"] if kept.withheld else [])])


def _explained(one: Report) -> list[tuple[str, str]]:
    return [
        ("query", one.query),
        ("ranges", f"of {one.key}, from :after to :upto" if one.key else "none: one query counts all"),
        ("declared in", f"{one.place} {one.version}".rstrip()),
        ("kind", one.kind),
        ("counted", f"every {one.every_hours} h, next at {text.instant(one.next_at)}"),
        ("time limit", f"{one.budget_ms} ms"),
        ("seen by", ", ".join(one.permission)),
    ]
