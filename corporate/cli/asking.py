"""ask, asks, lift: what installations are asked for, which can only be less."""

from dataclasses import asdict
from datetime import UTC, datetime

import click

from audit import instructions
from corporate import instructing, keys
from corporate.cli.shared import AS_JSON, actor, opened, read_settings, show_json

DAYS = click.IntRange(1, instructing.LONGEST_DAYS)
TOS = tuple(dict.fromkeys(to for offered in instructions.TO.values() for to in offered))


@click.command()
@click.argument("what", type=click.Choice(instructions.WHATS))
@click.argument("name")
@click.option(
    "--to", required=True, type=click.Choice(TOS), help="off, local or offline for a case; a field: withheld."
)
@click.option("--why", required=True, type=click.Choice(instructions.WHYS), help="The reason that the customer reads.")
@click.option(
    "--days", default=7, type=click.IntRange(1, instructing.LONGEST_DAYS), show_default=True, help="How long."
)
@click.option("--installation", help="Only this installation.")
@click.option("--customer", default="", help="All installations of this customer, those enrolled later too.")
@click.pass_context
def ask(context: click.Context, installation: str | None, customer: str, **asked: str | int) -> None:
    """Ask to stop or reduce a case, kind or field. Nothing that can be asked makes anything wider.

    WHAT is case, kind or field, NAME its name. It rides, signed, on the answer to the next batch; an installation that
    sends nothing hears nothing. At its end, or when it is lifted, the customer's own setting holds again.
    """
    if bool(installation) == bool(customer):
        raise click.UsageError("name one of --installation and --customer")
    key = keys.load(read_settings(context).keys).of(keys.INSTRUCTIONS)
    wish = instructing.Wish(customer=customer, installation=installation, **asked)  # type: ignore[arg-type]
    with opened(context) as store:
        number = instructing.ask(store, key, wish, actor(), datetime.now(UTC))
    click.echo(f"asked, number {number}")


@click.command()
@click.option("--installation", help="Only what concerns this installation.")
@AS_JSON
@click.pass_context
def asks(context: click.Context, installation: str | None, as_json: bool) -> None:
    """List what was asked for, newest first, and what still holds."""
    now = datetime.now(UTC)
    with opened(context) as store:
        rows = instructing.listed(store, installation=installation)
    if as_json:
        show_json([{**asdict(row), "holds": row.holds(now)} for row in rows])
        return
    for row in rows:
        state = "asked" if row.holds(now) else "lifted" if row.lifted_at else "over"
        click.echo(
            f"{row.id}  {state}  {row.customer}  {row.installation or 'all'}  {row.what} {row.name} {row.to}  "
            f"until {row.until:%Y-%m-%d %H:%M}  {row.why}  by {row.made_by}"
        )


@click.command()
@click.argument("number", type=click.IntRange(1))
@click.pass_context
def lift(context: click.Context, number: int) -> None:
    """Ask no longer for what was asked under NUMBER; the customer's own setting holds again."""
    key = keys.load(read_settings(context).keys).of(keys.INSTRUCTIONS)
    with opened(context) as store:
        instructing.lift(store, key, number, actor(), datetime.now(UTC))
    click.echo(f"{number} is lifted")


COMMANDS = (ask, asks, lift)
