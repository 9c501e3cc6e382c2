"""run, init, check, manifest."""

from datetime import UTC, datetime
from pathlib import Path

import click

from corporate import founding, health, manifest, people, serving
from corporate.cli.shared import AS_JSON, password_from, read_settings, show_json


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the addresses as JSON.")
@click.pass_context
def run(context: click.Context, as_json: bool) -> None:
    """Serve: the wire for installations, and the pages for people. Ctrl-C stops both."""
    settings = read_settings(context)

    def tell(where: serving.Addresses) -> None:
        if as_json:
            show_json({"wire": where.wire, "pages": where.pages})
            return
        click.echo(f"pages for people:       {where.pages}")
        click.echo(f"wire for installations: {where.wire}")
        click.echo(f"root fingerprint:       {manifest.root_fingerprint(settings.folder)}")

    context.exit(serving.run(settings, tell))


@click.command()
@click.option("--folder", type=click.Path(file_okay=False, path_type=Path), required=True, help="Keys and data.")
@click.option("--name", default="corporate", show_default=True, help="The vendor's name, as installations see it.")
@click.option("--wire-port", default=8091, show_default=True, type=click.IntRange(0, 65535), help="For installations.")
@click.option("--pages-port", default=8090, show_default=True, type=click.IntRange(0, 65535), help="For people.")
@click.option("--database-url", default="", help="postgresql+psycopg://…; SQLite in the folder when not given.")
@click.option("--account", default="administrator", show_default=True, help="The first account for the pages.")
@click.option(
    "--password-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Its password, first line; otherwise one is made and printed once.",
)
@AS_JSON
@click.pass_context
def init(
    context: click.Context,
    folder: Path,
    name: str,
    wire_port: int,
    pages_port: int,
    database_url: str,
    account: str,
    password_file: Path | None,
    as_json: bool,
) -> None:
    """Set up a new server: settings file, keys, database, first account. Prints the root's fingerprint."""
    password = password_from(password_file, people.make_password())
    config: Path = context.find_root().obj
    plan = founding.Plan(config, folder, name, wire_port, pages_port, database_url, account, password)
    root = founding.found(plan, datetime.now(UTC))
    shown = {} if password_file else {"password": password}
    if as_json:
        show_json({"config": str(config), "root": root, "account": account, **shown})
        return
    click.echo(f"settings:         {config}")
    click.echo(f"root fingerprint: {root}   (give it to administrators of installations)")
    click.echo(f"account:          {account}" + (f"   password: {password}   (shown once)" if shown else ""))
    click.echo("next:             diffgram-corporate run")


@click.command()
@AS_JSON
@click.pass_context
def check(context: click.Context, as_json: bool) -> None:
    """Is this server healthy? Each finding says what to do; exit 1 if there is one."""
    findings = health.check(read_settings(context), datetime.now(UTC))
    if as_json:
        show_json([{"code": f.code, "message": f.message, "hint": f.hint} for f in findings])
    else:
        for finding in findings:
            click.echo(f"{finding.message}\n  to do: {finding.hint}")
        if not findings:
            click.echo("healthy")
    context.exit(1 if findings else 0)


@click.command("manifest")
@click.pass_context
def sign_manifest(context: click.Context) -> None:
    """Sign a new manifest with the root (its private key must be in the folder). A running server serves it at once."""
    settings = read_settings(context)
    made = manifest.make(settings.folder, settings.name, datetime.now(UTC))
    click.echo(f"manifest {made['claims']['version']}, good until {made['claims']['expires_at']}")


COMMANDS = (run, init, check, sign_manifest)
