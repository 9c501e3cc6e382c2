"""alert list, alert test."""

import os
from datetime import UTC, datetime

import click

from corporate.alerting import sending
from corporate.cli.shared import AS_JSON, opened, read_settings, show_json


@click.group()
def alert() -> None:
    """What is told about issues, by mail, webhook, and to a Sentry-compatible server."""


@alert.command("list")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, 10_000), help="How many of the newest.")
@AS_JSON
@click.pass_context
def list_alerts(context: click.Context, limit: int, as_json: bool) -> None:
    """List what was noticed, newest first, and how telling it went."""
    with opened(context) as store:
        rows = sending.told(store, limit)
    if as_json:
        show_json([sending.as_json(row) for row in rows])
        return
    for row in rows:
        about = f"{row.more} more" if row.more else f"issue {row.issue_id}: {row.title}" if row.issue_id else "-"
        click.echo(f"{row.at:%Y-%m-%d %H:%M:%S}  {row.rule:13}  {about}")
        _ways(row)


@alert.command("test")
@AS_JSON
@click.pass_context
def test(context: click.Context, as_json: bool) -> None:
    """Send a test by every way that the settings name, now. Exit code 1 if one did not take it."""
    settings = read_settings(context)
    with opened(context) as store:
        done = sending.try_now(store, settings.alerts, settings.name, datetime.now(UTC), os.environ)
    if as_json:
        show_json(sending.as_json(done))
    elif not done.deliveries:
        click.echo("no way is named: add [alert_mail], [alert_webhook] or [alert_sentry] to the settings")
    else:
        _ways(done)
    context.exit(0 if done.deliveries and all(one.state == sending.SENT for one in done.deliveries) else 1)


def _ways(row: sending.Told) -> None:
    if row.left_out:
        click.echo("  not told by itself: beyond the most an hour")
    for one in row.deliveries:
        said = "".join(f" {part}" for part in (one.code, one.status) if part)
        click.echo(f"  {one.way}: {one.state}{said if one.code else ''}")


COMMANDS = (alert,)
