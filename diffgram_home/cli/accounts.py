"""Commands about the people who may sign in to the pages: account add, password, roles, remove, delete, list."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TextIO

import click

from diffgram_home import people
from diffgram_home.cli import base, text
from diffgram_home.cli.base import Stop, command, json_option, with_home, yes_option
from diffgram_home.cli.exits import Exit
from diffgram_home.home import Home

_role = click.option(
    "--role", "roles", multiple=True, required=True, type=click.Choice(tuple(people.ROLES)), help="Repeat it for more."
)
_password_file = click.option(
    "--password-file", type=click.File("r"), help="File with the password in its first line. Without it you are asked."
)


@command("add")
@click.argument("name")
@_role
@_password_file
@with_home
def add(home: Home, name: str, roles: tuple[str, ...], password_file: TextIO | None) -> Exit:
    """Make an account for NAME.

    On the pages every role reads everything; admin, security and operator switch cases on and off, and security alone
    approves fields. Accounts are made and changed here only; one of them must be admin. The role support is for
    somebody from the vendor: it opens their own account and the routes that allow support, and goes with no other role.
    People of the identity provider in [oidc] get their account as they first sign in, and their roles by its groups.
    """
    people.add(home, name, _password(password_file), roles, base.actor(), datetime.now(UTC))
    click.echo(f"{name}: {', '.join(roles)}")
    return Exit.DONE


@command("password")
@click.argument("name")
@_password_file
@with_home
def password(home: Home, name: str, password_file: TextIO | None) -> Exit:
    """Give NAME a new password; every browser signed in under that name is signed out."""
    people.set_password(home, name, _password(password_file), base.actor(), datetime.now(UTC))
    click.echo(f"{name}: password changed")
    return Exit.DONE


@command("roles")
@click.argument("name")
@_role
@with_home
def roles(home: Home, name: str, roles: tuple[str, ...]) -> Exit:
    """Give NAME these roles and no others."""
    people.set_roles(home, name, roles, base.actor(), datetime.now(UTC))
    click.echo(f"{name}: {', '.join(roles)}")
    return Exit.DONE


@command("remove")
@click.argument("name")
@with_home
def remove(home: Home, name: str) -> Exit:
    """End the account NAME and sign it out everywhere.

    The name stays here, so that the history goes on showing it; `account delete` lets it go. The last admin stays.
    """
    people.disable(home, name, base.actor(), datetime.now(UTC))
    click.echo(f"{name}: removed")
    return Exit.DONE


@command("delete")
@click.argument("name")
@yes_option
@with_home
def delete(home: Home, name: str, yes: bool) -> Exit:
    """Delete the account NAME for good: its name, password, roles and sign-ins.

    The ledger names people by a number (person:3), so what this person did stays there and still proves what it
    proved, and nothing here says any more who it was. Names that people wrote into a statement of authority stay, and
    so do backups. Wait until nobody has to ask who it was. The last admin cannot be deleted.
    """
    base.confirm(f"Delete the account {name} for good, and the name with it?", yes)
    number = people.erase(home, name, base.actor(), datetime.now(UTC))
    click.echo(f"deleted; the ledger goes on calling this person person:{number}")
    return Exit.DONE


@command("list")
@json_option
@with_home
def listed(home: Home, as_json: bool) -> Exit:
    """Every account, its roles, and who made it."""
    accounts = people.accounts(home)
    if as_json:
        base.show_json(accounts)
        return Exit.DONE
    who = base.who(home)
    rows = (
        (
            a.name,
            a.actor,
            ", ".join(a.roles),
            who(a.made_by),
            text.instant(a.made_at),
            a.issuer or "password",
            "disabled" if a.disabled_at else "",
        )
        for a in accounts
    )
    click.echo(text.table(("name", "in the ledger", "roles", "made by", "at", "signs in by", ""), rows))
    return Exit.DONE


def _password(file: TextIO | None) -> str:
    """The password from the file's first line, or typed twice."""
    if file is None:
        return str(click.prompt("password", hide_input=True, confirmation_prompt=True, err=True))
    line = file.readline().rstrip("\r\n")
    if not line:
        raise Stop("the first line of the password file is empty", "write the password there", Exit.USAGE)
    return line


account = click.Group(
    "account",
    commands=(add, password, roles, remove, delete, listed),
    help="The people who may sign in to the pages: add, password, roles, remove, delete, list.",
)
