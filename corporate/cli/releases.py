"""release add, list, upload, signature."""

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import click

from audit.canonical import sha256_hex
from corporate import files, publishing, releases, signing, uploading
from corporate.cli.shared import AS_JSON, opened, read_settings, show_json
from corporate.errors import OperatorError

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
PLACE = click.Path(exists=True, path_type=Path)
OUT = click.option("--signature", "-o", "out", type=click.Path(dir_okay=False, path_type=Path), help="Write it here.")


@click.group()
def release() -> None:
    """Catalogues and indexes that batches may name."""


@release.command("add")
@click.option("--catalogue", "catalogues", type=FILE, multiple=True, help="A product's catalogue file; repeatable.")
@click.option("--index", "index_file", type=FILE, help="The product's index.")
@click.option("--core", type=FILE, help="The core catalogue of another release than this one.")
@OUT
@AS_JSON
@click.pass_context
def add(
    context: click.Context,
    catalogues: tuple[Path, ...],
    index_file: Path | None,
    core: Path | None,
    out: Path | None,
    as_json: bool,
) -> None:
    """Store a release's catalogue and index, so that its batches are understood, and sign them. Prints both hashes.

    With an index the release is signed: ship the file of the signature (--signature FILE, or later `release signature`)
    with it, and installations that name it check offline that index and catalogue files are yours. A release that was
    signed earlier, and another since, gets a new number: that is how an installation may go back to it.
    """
    now, by = datetime.now(UTC), signing.signer(read_settings(context))
    if out is not None and (by is None or index_file is None):
        raise _unsignable(index_file is not None)
    with opened(context) as store:
        added = releases.add(store, catalogues, index_file, core, now)
        publishing.publish(store, now, {added.catalogue: added.release})
        shipped = [sha256_hex(path.read_bytes()) for path in catalogues]
        made = by and index_file and signing.sign(store, by, added.release, added.index, shipped, now)
    number, key = (made.number, made.key) if made else (None, None)
    if made and out is not None:
        files.write(out, made.file)
    if as_json:
        show_json(asdict(added) | {"number": number, "key": key})
        return
    click.echo(f"catalogue {added.catalogue}")
    click.echo(f"index     {added.index}")
    click.echo(
        f"signed    number {number}, key {key}" if made else f"not signed: {_unsignable(bool(index_file)).message}"
    )


def _unsignable(has_index: bool) -> OperatorError:
    if not has_index:
        return OperatorError("release-no-index", "a release without an index is not signed", "give --index")
    hint = "run diffgram-corporate manifest while root.pem is in the folder of keys"
    return OperatorError("keys", "no key serves 'catalogues' yet", hint)


@release.command("signature")
@click.argument("release_name", metavar="RELEASE")
@OUT
@AS_JSON
@click.pass_context
def signature(context: click.Context, release_name: str, out: Path | None, as_json: bool) -> None:
    """Print the file of RELEASE's signature, to ship with it, or write it with --signature FILE.

    RELEASE is the name that its index has, or the beginning of the index's hash. Where the key that signed it serves
    no more, it is signed again, with a new number.
    """
    by = signing.signer(read_settings(context))
    if by is None:
        raise _unsignable(True)
    with opened(context) as store:
        found = signing.find(store, by, release_name, datetime.now(UTC))
    if out is not None:
        files.write(out, found.file)
    if as_json:
        show_json({"number": found.number, "release": found.release, "index": found.index, "key": found.key})
    elif out is not None:
        click.echo(f"{out}: {found.release}, number {found.number}, key {found.key}")
    else:
        click.echo(found.file, nl=False)


@release.command("list")
@AS_JSON
@click.pass_context
def list_releases(context: click.Context, as_json: bool) -> None:
    """List what is stored, newest first."""
    with opened(context) as store:
        rows, uploaded = releases.every(store), uploading.held(store)
    if as_json:
        show_json([asdict(row) | {"lines": uploaded.get(row.hash)} for row in rows])
        return
    for row in rows:
        shown = f" ({uploaded[row.hash]})" if row.hash in uploaded else ""
        click.echo(f"{row.hash}  {row.what:9}  {row.added_at:%Y-%m-%d %H:%M}  {row.label}{shown}")


@release.command("upload")
@click.argument("release_name", metavar="RELEASE")
@click.option("--source", "sources", type=PLACE, multiple=True, help="A folder or wheel of sources; repeatable.")
@click.option("--bundle", "bundles", type=FILE, multiple=True, help="A JavaScript bundle; repeatable.")
@click.option("--map", "maps", type=FILE, multiple=True, help="The source map of the bundle at the same position.")
@click.option("--index", "index_file", type=FILE, help="The release's index, if it is not here yet.")
@AS_JSON
@click.pass_context
def upload(
    context: click.Context,
    release_name: str,
    sources: tuple[Path, ...],
    bundles: tuple[Path, ...],
    maps: tuple[Path, ...],
    index_file: Path | None,
    as_json: bool,
) -> None:
    """Store what RELEASE was built of, so that issues show your own lines at each frame.

    RELEASE is the name that its index has, or the beginning of the index's hash. Give --source the same folders as
    python -m event.index, or the wheel. Only what the index has is kept; a source that differs from it, or a map that
    is not of its bundle, is refused, and then nothing is stored. The same again changes nothing.
    """
    now = datetime.now(UTC)
    given = uploading.Given(sources, bundles, maps)
    with opened(context) as store:
        done = uploading.upload(store, release_name, given, now, index_file, lambda line: click.echo(line, err=True))
    if as_json:
        show_json(asdict(done))
        return
    click.echo(f"{done.release}: {done.stored} stored, {done.known} known already, {done.size_bytes:,} bytes read")
    click.echo(f"index {done.index}")
    if done.skipped:
        click.echo(f"{done.skipped} files stand in no index and were passed over")
    if done.without:
        click.echo(f"{done.without} sources of maps have no text: give their folder with --source")


COMMANDS = (release,)
