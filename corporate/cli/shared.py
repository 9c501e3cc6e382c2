"""What all commands share: settings, JSON, exit codes, and errors as sentences."""

import getpass
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from audit.errors import AuditError
from corporate import settings
from corporate.database import Store, reachable
from corporate.errors import CorporateError, SettingsFaults
from corporate.settings import Settings

REFUSED = 1
SETTINGS = 4
DATABASE = 7
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


class Commands(click.Group):
    """A group that turns our errors into a sentence, what to do, and an exit code."""

    def invoke(self, context: click.Context) -> Any:
        """Run a command."""
        try:
            return super().invoke(context)
        except SettingsFaults as e:
            for fault in e.faults:
                click.echo(f"  {fault}", err=True)
            _complain(e.message, e.hint, SETTINGS)
        except CorporateError as e:
            _complain(e.message, e.hint, DATABASE if e.code in ("database", "schema", "role") else REFUSED)
        except AuditError as e:
            _complain(str(e), e.hint, REFUSED)


def _complain(message: str, hint: str, code: int) -> None:
    click.echo(f"diffgram-corporate: {message}", err=True)
    if hint:
        click.echo(f"  to do: {hint}", err=True)
    sys.exit(code)


def read_settings(context: click.Context) -> Settings:
    """The settings of this command, from --config."""
    found: Path = context.find_root().obj
    return settings.read(found)


@contextmanager
def opened(context: click.Context) -> Iterator[Store]:
    """The database of this command; "does not answer" becomes an error with what to do."""
    store = Store(read_settings(context).database_url)
    try:
        with reachable():
            yield store
    finally:
        store.close()


def actor() -> str:
    """Who runs the command, as it is recorded."""
    try:
        return f"os:{getpass.getuser()}"
    except (KeyError, OSError):
        return f"os:{os.getuid()}"


def show_json(value: Any) -> None:
    """Print one JSON document on one line; times as ISO 8601."""
    click.echo(json.dumps(value, default=lambda v: v.isoformat() if hasattr(v, "isoformat") else str(v)))


def password_from(file: Path | None, offered: str) -> str:
    """The first line of `file`, or `offered`."""
    if file is None:
        return offered
    return file.read_text(encoding="utf-8").splitlines()[0] if file.stat().st_size else ""
