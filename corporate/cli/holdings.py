"""holdings, delete."""

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import click

from audit import signed
from audit.deletion import BATCH, CASE, EVERYTHING, FIELD, RANGE, Scope, read
from corporate import deleting, files, holdings, keys
from corporate.cli.shared import AS_JSON, actor, opened, read_settings, show_json
from corporate.errors import OperatorError

_CASES = click.Choice(("event", "browser", "support", "licensing"))
_TIME = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ"])


@click.command("holdings")
@click.argument("installation")
@click.option("--export", "file", type=click.Path(dir_okay=False, path_type=Path), help="Write every row to FILE.")
@AS_JSON
@click.pass_context
def show_holdings(context: click.Context, installation: str, file: Path | None, as_json: bool) -> None:
    """Show everything that is held about INSTALLATION: every table, rows, oldest and newest."""
    with opened(context) as store:
        found = holdings.held(store, installation)
        if found is None:
            raise OperatorError(
                "installation", f"no installation {installation!r}", "see diffgram-corporate installations"
            )
        if file is not None:
            files.write(file, b"".join(holdings.export(store, installation)), 0o600)
    if as_json:
        show_json(asdict(found))
        return
    click.echo(f"{found.installation}  {found.customer}")
    for one in found.tables:
        age = "" if one.oldest is None else f"  {one.oldest:%Y-%m-%d} to {one.newest:%Y-%m-%d}"
        click.echo(f"{one.table:16} {one.rows:>9} rows{age}  {one.about}")


@click.command("delete")
@click.argument("installation")
@click.option("--batch", help="One batch, by its SHA-256.")
@click.option("--field", help="One field in all messages, by the hash of a definition of it.")
@click.option("--case", type=_CASES, help="A whole case; with --from and --until only of that time.")
@click.option("--from", "from_", type=_TIME, help="Batches sealed at or after this UTC time.")
@click.option("--until", type=_TIME, help="Batches sealed before this UTC time.")
@click.option("--everything", is_flag=True, help="Everything that was received.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--statement", "file", type=click.Path(dir_okay=False, path_type=Path), help="Write the statement here.")
@AS_JSON
@click.pass_context
def delete(
    context: click.Context,
    installation: str,
    batch: str | None,
    field: str | None,
    case: str | None,
    from_: datetime | None,
    until: datetime | None,
    everything: bool,
    yes: bool,
    file: Path | None,
    as_json: bool,
) -> None:
    """Delete on the customer's wish what was received from INSTALLATION, and sign a statement of it.

    The statement rides on the answers to its next batches; --statement FILE writes it for the customer. There is no way
    back.
    """
    scope = _scope(batch, field, case, from_, until, everything)
    if not yes:
        click.confirm(f"Delete {scope.what} of {installation} for good?", abort=True)
    settings = read_settings(context)
    key = keys.load(settings.keys).of(keys.DELETIONS)
    with opened(context) as store:
        days = settings.backup_days
        token = deleting.by_staff(store, key, days, installation, scope, actor(), datetime.now(UTC))
    if file is not None:
        files.write(file, token.encode() + b"\n", 0o600)
    found = read(token, signed.ring(key.public_key()))
    if as_json:
        show_json({"statement": token, "batches": found.batches, "counts": dict(found.counts)})
        return
    counts = ", ".join(f"{rows} {table}" for table, rows in sorted(found.counts.items())) or "nothing was there"
    click.echo(f"deleted: {counts}; backups may hold it until {found.backups_until:%Y-%m-%d}")
    click.echo(token)


def _scope(
    batch: str | None,
    field: str | None,
    case: str | None,
    from_: datetime | None,
    until: datetime | None,
    everything: bool,
) -> Scope:
    ranged = from_ is not None or until is not None
    if [batch is not None, field is not None, case is not None or ranged, everything].count(True) != 1:
        raise click.UsageError("name one of --batch, --field, --case, --from with --until, --everything")
    if batch is not None:
        return Scope(BATCH, batch=batch)
    if field is not None:
        return Scope(FIELD, field=field)
    if everything:
        return Scope(EVERYTHING)
    if not ranged:
        return Scope(CASE, case)
    if from_ is None or until is None:
        raise click.UsageError("a range needs both --from and --until")
    return Scope(RANGE, case, from_=from_.replace(tzinfo=UTC), until=until.replace(tzinfo=UTC))


COMMANDS = (show_holdings, delete)
