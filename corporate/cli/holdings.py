"""holdings, delete, deletions."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import click

from audit import signed
from audit.deletion import BATCH, CASE, EVERYTHING, FIELD, RANGE, Scope, read
from corporate import deleting, files, holdings, keys
from corporate.cli.shared import AS_JSON, actor, opened, read_settings, show_json
from corporate.errors import OperatorError
from corporate.removing import Foreseen

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
            files.write(file, holdings.export(store, installation), 0o600)
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
@click.option("--dry-run", is_flag=True, help="Say what would be deleted, and delete nothing.")
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
    dry_run: bool,
    yes: bool,
    file: Path | None,
    as_json: bool,
) -> None:
    """Delete on the customer's wish what was received from INSTALLATION, and sign a statement of it.

    You see first what is meant, and are asked. The statement rides on the answers to its next batches; --statement FILE
    writes it for the customer. There is no way back.
    """
    scope = _scope(batch, field, case, from_, until, everything)
    if dry_run or not yes:
        with opened(context) as store:
            found = deleting.foresee(store, installation, scope)
        if as_json and dry_run:
            show_json(asdict(found))
            return
        click.echo(_foreseen(found), err=not dry_run)
    if dry_run:
        return
    if not yes:
        click.confirm(f"Delete {scope.what} of {installation} for good?", abort=True)
    settings = read_settings(context)
    key = keys.load(settings.keys).of(keys.DELETIONS)
    with opened(context) as store:
        days = settings.backup_days
        token = deleting.by_staff(store, key, days, installation, scope, actor(), datetime.now(UTC))
    if file is not None:
        files.write(file, token.encode() + b"\n", 0o600)
    made = read(token, signed.ring(key.public_key()))
    if as_json:
        show_json({"statement": token, "batches": made.batches, "counts": dict(made.counts)})
        return
    click.echo(f"deleted: {_counts(made.counts)}; backups may hold it until {made.backups_until:%Y-%m-%d}")
    click.echo(token)


@click.command("deletions")
@click.argument("installation")
@click.option("--number", type=click.IntRange(1), help="Only this deletion.")
@click.option("--statement", "file", type=click.Path(dir_okay=False, path_type=Path), help="Write its statement here.")
@AS_JSON
@click.pass_context
def deletions(context: click.Context, installation: str, number: int | None, file: Path | None, as_json: bool) -> None:
    """List what was deleted of INSTALLATION, newest first: what, when, and who asked; --statement writes one down."""
    if file is not None and number is None:
        raise click.UsageError("say whose statement with --number")
    with opened(context) as store:
        rows = [row for row in deleting.listed(store, installation) if number in (None, row.id)]
    if number is not None and not rows:
        raise OperatorError("deletion", f"no deletion {number} of {installation!r}", "list them without --number")
    if file is not None:
        files.write(file, rows[0].document.encode() + b"\n", 0o600)
    if as_json:
        names = ("id", "what", "case", "batch", "from_at", "until_at", "deleted_at", "asked_by", "request", "document")
        show_json([{name: getattr(row, name) for name in names} for row in rows])
        return
    for row in rows:
        click.echo(
            f"{row.id}  {row.deleted_at:%Y-%m-%d %H:%M}  {row.what}  {row.case or row.batch or ''}  {row.asked_by}"
        )


def _foreseen(found: Foreseen) -> str:
    cases = ", ".join(f"{case} {count}" for case, (_, _, count) in found.batches.items())
    before = f"; {found.already} batches were emptied before" if found.already else ""
    return f"this deletes: {_counts(found.counts)}" + (f" ({cases})" if cases else "") + before


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{rows} {table}" for table, rows in sorted(counts.items())) or "nothing, for nothing is there"


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


COMMANDS = (show_holdings, delete, deletions)
