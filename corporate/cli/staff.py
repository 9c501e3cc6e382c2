"""account add, account list, account password, account remove."""

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import click

from corporate import people
from corporate.cli.shared import AS_JSON, actor, opened, password_from, show_json

PASSWORD_FILE = click.option(
    "--password-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The password, first line; otherwise one is made and printed once.",
)


@click.group()
def account() -> None:
    """Who may sign in to the pages."""


@account.command("add")
@click.argument("name")
@PASSWORD_FILE
@click.pass_context
def add(context: click.Context, name: str, password_file: Path | None) -> None:
    """Add the account NAME."""
    password = password_from(password_file, people.make_password())
    with opened(context) as store:
        people.add(store, name, password, actor(), datetime.now(UTC))
    _tell(name, password, password_file)


@account.command("password")
@click.argument("name")
@PASSWORD_FILE
@click.pass_context
def password(context: click.Context, name: str, password_file: Path | None) -> None:
    """Change the password of NAME, and end its sessions."""
    chosen = password_from(password_file, people.make_password())
    with opened(context) as store:
        people.set_password(store, name, chosen, actor(), datetime.now(UTC))
    _tell(name, chosen, password_file)


@account.command("list")
@AS_JSON
@click.pass_context
def list_accounts(context: click.Context, as_json: bool) -> None:
    """List who may sign in, since when, and in how many browsers they are signed in now."""
    with opened(context) as store:
        rows = people.listed(store, datetime.now(UTC))
    if as_json:
        show_json([asdict(row) for row in rows])
        return
    for row in rows:
        click.echo(f"{row.name}  since {row.made_at:%Y-%m-%d}  signed in {row.sessions}")


@account.command("remove")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_context
def remove(context: click.Context, name: str, yes: bool) -> None:
    """Delete the account NAME: its password, its sessions, and its name wherever it stands beside what was done.

    What was done stays, under a word that names nobody. The last account cannot be deleted. There is no way back.
    """
    if not yes:
        click.confirm(f"Delete the account {name} for good?", abort=True)
    with opened(context) as store:
        former = people.remove(store, name, actor(), datetime.now(UTC))
    click.echo(f"account {name} is deleted; what it did is shown as done by {former}")


def _tell(name: str, chosen: str, password_file: Path | None) -> None:
    click.echo(f"account {name}" + ("" if password_file else f"   password: {chosen}   (shown once)"))


COMMANDS = (account,)
