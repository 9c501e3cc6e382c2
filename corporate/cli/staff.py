"""account add, account password."""

from datetime import UTC, datetime
from pathlib import Path

import click

from corporate import people
from corporate.cli.shared import opened, password_from

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
        people.add(store, name, password, datetime.now(UTC))
    _tell(name, password, password_file)


@account.command("password")
@click.argument("name")
@PASSWORD_FILE
@click.pass_context
def password(context: click.Context, name: str, password_file: Path | None) -> None:
    """Change the password of NAME, and end its sessions."""
    chosen = password_from(password_file, people.make_password())
    with opened(context) as store:
        people.set_password(store, name, chosen)
    _tell(name, chosen, password_file)


def _tell(name: str, chosen: str, password_file: Path | None) -> None:
    click.echo(f"account {name}" + ("" if password_file else f"   password: {chosen}   (shown once)"))


COMMANDS = (account,)
