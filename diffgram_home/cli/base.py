"""What every command shares: finding the settings file, opening the installation, and turning errors into exit codes.

The commands themselves are in the other modules, one for each group of verbs. Rules: a command returns an `Exit`; an
error that a person can act on is printed as a sentence and what to do, never as a traceback; answers go to standard
output, everything else to standard error.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from functools import update_wrapper
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec
from sqlalchemy.exc import DBAPIError

from audit.errors import AuditError
from diffgram_home import people, tripwire
from diffgram_home import settings as settings_file
from diffgram_home.cli.exits import Exit
from diffgram_home.errors import HomeError, SettingsFaults, StoreError
from diffgram_home.exchange import DoorError
from diffgram_home.home import Home, open_home
from diffgram_home.settings import Settings

PROGRAM = "diffgram-home"
CONFIG_VARIABLE = "DIFFGRAM_HOME_CONFIG"
CONFIG_PLACES = (Path("diffgram-home.toml"), Path("/etc/diffgram-home/diffgram-home.toml"))
_CONFIG_KEY = f"{__name__}.config"
_Function = TypeVar("_Function", bound=Callable[..., Any])


class Stop(Exception):
    """A command that cannot go on: the sentence, what to do, and the exit code."""

    def __init__(self, message: str, hint: str = "", code: Exit = Exit.FINDING) -> None:
        super().__init__(message)
        self.hint, self.exit = hint, code


class Command(click.Command):
    """A command whose return value is its exit code, and whose errors are sentences."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params.append(config_option())

    def invoke(self, ctx: click.Context) -> None:
        """Run the command behind the tripwire, then end the program with its exit code."""
        tripwire.arm("command")
        try:
            code = super().invoke(ctx)
        except BrokenPipeError:  # the reader, such as `head`, has seen enough: click ends quietly
            raise
        except (Stop, HomeError, AuditError, DBAPIError, OSError) as error:
            code = tell(error)
        except KeyboardInterrupt:
            code = Exit.INTERRUPTED
        ctx.exit(int(code or Exit.DONE))


def command(name: str, **kwargs: Any) -> Callable[[Callable[..., Exit]], Command]:
    """Declare a command; its function returns an `Exit`."""
    return click.command(name, cls=Command, **kwargs)


def config_option() -> click.Option:
    """`--config`, which the program and every command take."""
    return click.Option(
        ["--config"],
        type=click.Path(path_type=Path, dir_okay=False),
        metavar="FILE",
        expose_value=False,
        callback=_remember_config,
        help=f"The settings file. Without it: ${CONFIG_VARIABLE}, then {', then '.join(map(str, CONFIG_PLACES))}.",
    )


def _remember_config(context: click.Context, _: click.Parameter, value: Path | None) -> None:
    if value is not None:
        context.meta[_CONFIG_KEY] = value


def config_path() -> Path:
    """The settings file that the command line, the environment or the usual places name, as an absolute path."""
    chosen = click.get_current_context().meta.get(_CONFIG_KEY) or os.environ.get(CONFIG_VARIABLE)
    if chosen:
        return Path(chosen).absolute()
    found = [place for place in CONFIG_PLACES if place.exists()]
    if not found:
        looked = " and ".join(f'"{place}"' for place in CONFIG_PLACES)
        raise Stop(
            f"there is no settings file: looked for {looked}",
            f"name it with --config FILE or ${CONFIG_VARIABLE}, or make one with `{PROGRAM} init`",
            Exit.SETTINGS,
        )
    return found[0].absolute()


def read_settings() -> Settings:
    """The settings. Raises SettingsFaults with everything that is wrong in the file."""
    settings = settings_file.read(config_path(), os.environ)
    tripwire.know(settings)
    return settings


def with_home(function: Callable[..., Exit]) -> Callable[..., Exit]:
    """Hand the open installation to a command as its first argument."""

    def opened(*args: Any, **kwargs: Any) -> Exit:
        home: Home = open_home(read_settings())
        try:
            return function(home, *args, **kwargs)
        finally:
            home.close()

    return update_wrapper(opened, function)


def actor() -> str:
    """Who runs this command, as it is recorded: `os:` and the numeric user id."""
    return f"os:{os.getuid()}"


def who(home: Home) -> Callable[[str], str]:
    """How a person of the ledger is shown: with the name while the account is here, `a.okafor (person:3)`."""
    names = people.named(home)
    return lambda recorded: f"{names[recorded]} ({recorded})" if recorded in names else recorded


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for a program instead of text.")
yes_option = click.option("--yes", is_flag=True, help="Do not ask; for scripts.")


def confirm(question: str, yes: bool) -> None:
    """Ask, unless `yes`. Raises Stop when the answer is not yes, or when there is nobody to ask."""
    if yes:
        return
    try:
        agreed = click.confirm(question, err=True)
    except click.Abort:
        click.echo(err=True)
        agreed = False
    if not agreed:
        raise Stop("nothing was changed", "answer y, or give --yes where nobody can answer", Exit.DECISION)


def show_json(value: object) -> None:
    """Print one JSON value on one line."""
    click.echo(msgspec.json.encode(value).decode())


def show_json_lines(values: Iterable[object]) -> None:
    """Print one JSON value a line."""
    for value in values:
        show_json(value)


def say(*lines: str) -> None:
    """Print to standard error, the first line under the program's name."""
    first, *rest = lines
    click.echo(f"{PROGRAM}: {first}", err=True)
    for line in rest:
        click.echo(f"  {line}", err=True)


def tell(error: BaseException) -> Exit:
    """Print `error` and what to do to standard error; the exit code that it means."""
    if isinstance(error, SettingsFaults):
        say(f'"{error.path}" cannot be used:', *(f"{fault.message}; {fault.hint}" for fault in error.faults))
        return Exit.SETTINGS
    if isinstance(error, DBAPIError):
        say(f"the database cannot be used: {error.orig}", "to do: see that its folder is writable and has space")
        return Exit.STORAGE
    if isinstance(error, OSError):
        say(_in_words(error), "to do: check that it exists, that you may use it, and that the disk has space")
        return Exit.STORAGE
    hint = getattr(error, "hint", "")
    say(str(error.args[0]), *([f"to do: {hint}"] if hint else []))
    if isinstance(error, DoorError):
        return Exit.NOT_REACHED
    return Exit.STORAGE if isinstance(error, StoreError) else getattr(error, "exit", Exit.FINDING)


def _in_words(error: OSError) -> str:
    what = (error.strerror or str(error) or type(error).__name__).lower()
    return f'{what}: "{error.filename}"' if error.filename else what


def known(mapping: Mapping[str, Any], name: str, what: str) -> Any:
    """`mapping[name]`; a usage error that names the near ones when there is none."""
    if name in mapping:
        return mapping[name]
    near = [key for key in mapping if name.rsplit("/", 1)[-1].rsplit(".", 1)[-1] in key] or list(mapping)
    raise click.BadParameter(f'there is no {what} "{name}"; choose one of: {", ".join(sorted(near)[:12])}')
