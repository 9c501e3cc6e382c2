"""missing, settle, incidents, close-incident: what does not add up, and what somebody has seen to."""

from dataclasses import asdict
from datetime import UTC, datetime

import click

from corporate import completeness
from corporate import incidents as incidents_of
from corporate.cli.shared import AS_JSON, actor, opened, show_json

ONE = click.option("--installation", help="Only of this installation.")


@click.command()
@ONE
@AS_JSON
@click.pass_context
def missing(context: click.Context, installation: str | None, as_json: bool) -> None:
    """List the numbers that have not arrived though a higher one has: which, of which case, since when."""
    with opened(context) as store:
        rows = completeness.holes(store, installation=installation)
    if as_json:
        show_json([asdict(row) for row in rows])
        return
    for row in rows:
        numbers = str(row.first) if row.first == row.last else f"{row.first}-{row.last}"
        since = "an earlier release" if row.since is None else f"{row.since:%Y-%m-%d %H:%M}"
        click.echo(f"{row.installation}  {row.customer}  {row.case}  {numbers}  since {since}")


@click.command()
@click.argument("installation")
@click.pass_context
def settle(context: click.Context, installation: str) -> None:
    """Say that the conflicts of INSTALLATION are cleared up with the customer. Another one shows again."""
    with opened(context) as store:
        count = completeness.settle(store, installation, actor(), datetime.now(UTC))
    click.echo(f"{count} settled")


@click.command()
@ONE
@AS_JSON
@click.pass_context
def incidents(context: click.Context, installation: str | None, as_json: bool) -> None:
    """List Unexpected Data Transfers, newest first: what arrived undeclared, or a customer declared that it should not
    have left, and was told, deleted and closed when.

    Key paths up to the last declared key and counts; nothing of the content is stored.
    """
    with opened(context) as store:
        rows = incidents_of.listed(store, installation=installation)
    if as_json:
        show_json([asdict(row) for row in rows])
        return
    for row in rows:
        state = "open" if row.closed_at is None else f"closed by {row.closed_by}"
        paths = ", ".join(f"{path} {count}" for path, count in row.paths.items())
        said = "declared" if row.source == incidents_of.CUSTOMER else "arrived"
        when = f"{said} {row.arrived_at:%Y-%m-%d %H:%M}"
        click.echo(f"{row.token}  {state}  {row.customer}  {row.installation}  {when}  {paths}")


@click.command("close-incident")
@click.argument("incident")
@click.pass_context
def close_incident(context: click.Context, incident: str) -> None:
    """Say that somebody has looked into INCIDENT."""
    with opened(context) as store:
        incidents_of.close(store, incident, actor(), datetime.now(UTC))
    click.echo(f"{incident} is closed")


COMMANDS = (missing, settle, incidents, close_incident)
