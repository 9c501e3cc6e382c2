"""import: what was carried here by hand."""

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import click

from audit import container
from audit.errors import AuditError
from corporate import files, importing, releases
from corporate.cli.shared import AS_JSON, actor, read_settings, show_json
from corporate.database import reachable
from corporate.errors import CorporateError, OperatorError
from corporate.server import Corporate, open_corporate

FILES = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("import")
@click.argument("given", metavar="FILE...", nargs=-1, required=True, type=FILES)
@click.option(
    "--out", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Folder for the answers; else beside."
)
@AS_JSON
@click.pass_context
def bring(context: click.Context, given: tuple[Path, ...], out: Path | None, as_json: bool) -> None:
    """Take in files that installations carried out, and write a file of signed answers to each.

    Batches are checked and stored, and requests for deletion done, as those that come over the wire; the same file
    again gives the same receipts and statements. A request for enrolment is answered with a certificate. Give the
    answers back to whoever brought the file. Exit code 1 when a batch, a request, or a whole file was refused: the
    first two have their reasons in the answers, a refused file has none.
    """
    server = open_corporate(read_settings(context))
    try:
        with reachable():
            releases.add_own(server.store, datetime.now(UTC))  # a server that only takes files in was never run
            good = [_one(server, path, out or path.parent, as_json) for path in given]
    finally:
        server.store.close()
    context.exit(0 if all(good) else 1)


def _one(server: Corporate, path: Path, folder: Path, as_json: bool) -> bool:
    """Take one file in and say what became of it; True if nothing was refused."""
    try:
        with path.open("rb") as stream:
            taken = importing.take(server, stream.read(container.MAX_BYTES + 1), actor(), datetime.now(UTC))
        written = folder / taken.name
        files.write(written, taken.data)
    except (AuditError, OperatorError, OSError) as error:
        _refused(path, error, as_json)
        return False
    if as_json:
        show_json(
            {
                "file": str(path),
                "answers_file": str(written),
                "installation": taken.installation,
                "customer": taken.customer,
                "enrolled": taken.enrolled,
                "answers": [asdict(answer) for answer in taken.answers],
                "requests": [asdict(answer) for answer in taken.requests],
            }
        )
        return not taken.refused
    if taken.enrolled:
        click.echo(f"{path.name}: {taken.customer}: installation {taken.installation} is enrolled")
    for answer in taken.answers:
        said = "accepted" if answer.status == 200 else f"refused, {answer.answer['code']}: {answer.answer['message']}"
        click.echo(f"{path.name}: {taken.customer}: {answer.case} {answer.sequence}: {said}")
    for one in taken.requests:
        said = "done" if one.status == 200 else f"refused, {one.answer['code']}: {one.answer['message']}"
        click.echo(f"{path.name}: {taken.customer}: {one.kind}: {said}")
    click.echo(f"answers to carry back: {written}")
    return not taken.refused


def _refused(path: Path, error: AuditError | OperatorError | OSError, as_json: bool) -> None:
    known = isinstance(error, AuditError | CorporateError)
    code, hint = (error.code, error.hint) if known else ("file", "see that the folder is writable and has space")  # type: ignore[union-attr]
    if as_json:
        show_json({"file": str(path), "code": code, "message": str(error), "hint": hint})
        return
    click.echo(f"{path}: refused, nothing of it was used: {error} [{code}]\n  to do: {hint}", err=True)


COMMANDS = (bring,)
