"""The command `diffgram-corporate`. Help is the manual; the body of a command is one call and an exit status."""

from pathlib import Path

import click

from corporate.cli import (
    alert,
    asking,
    carrying,
    customers,
    holdings,
    issues,
    releases,
    seeing,
    serve,
    staff,
    supporting,
)
from corporate.cli.shared import Commands

EPILOG = (
    "Exit codes: 0 done; 1 refused, or a check found something; 2 wrong usage; 4 the settings file cannot be used; "
    "7 the database cannot be used."
)


@click.group(
    cls=Commands, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110}
)
@click.option(
    "--config",
    type=click.Path(dir_okay=False, path_type=Path),
    envvar="DIFFGRAM_CORPORATE_CONFIG",
    default=Path("corporate.toml"),
    show_default=True,
    help="The settings file; also DIFFGRAM_CORPORATE_CONFIG.",
)
@click.pass_context
def main(context: click.Context, config: Path) -> None:
    """Corporate: the vendor's server, which installations of Diffgram Home send to."""
    context.obj = config


for _module in (serve, customers, releases, issues, holdings, carrying, asking, supporting, seeing, staff, alert):
    for _command in _module.COMMANDS:
        main.add_command(_command)
