"""Commands that set the installation up and keep it running: init, enrol, run, check."""

from __future__ import annotations

import hashlib
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn, TextIO

import click
import tomlkit

from audit import carried
from audit.modes import DEFAULTS
from diffgram_home import enrolment, enrolment_by_hand, files, health, sending, signatures, switching, upgrading
from diffgram_home import settings as settings_file
from diffgram_home.cli import base, text
from diffgram_home.cli.base import Stop, command, with_home
from diffgram_home.cli.exits import Exit
from diffgram_home.home import Home, make_home, open_home

_HEADING = "Settings of Diffgram Home. docs/settings.md explains every key; an unknown one stops the start."
_FILE_MODE = 0o644
_FILE = click.Path(dir_okay=False, path_type=Path)
_READABLE_S = 10  # at 0 a batch is sealed and gone in one tick, and nobody has read it under Pending


@command("init")
@click.option("--name", help="What this installation is called on its own pages, such as st-mary-hospital.")
@click.option("--folder", default="data", show_default=True, help="The data folder, relative to the settings file.")
@click.option("--corporate-url", help="https://host:port of corporate.")
@click.option("--root", help="sha256:… fingerprint of corporate's root, handed over out of band.")
@click.option("--address", default="127.0.0.1", show_default=True, help="Where the pages listen.")
@click.option("--port", type=click.IntRange(1, 65535), default=8080, show_default=True, help="Port of the pages.")
@click.option(
    "--product-catalogue", multiple=True, type=click.Path(path_type=Path), help="The product's own catalogue."
)
@click.option("--product-index", type=click.Path(path_type=Path), help="The product's index of shipped code.")
@click.option("--product-signature", type=click.Path(path_type=Path), help="Corporate's signature over both.")
@click.option("--spool-group", default="", help="Group that product and installation share, for the spool folder.")
def init(name: str | None, corporate_url: str | None, root: str | None, **others: object) -> Exit:
    """Make a new installation: settings file, data folder, keys and database.

    Needs --name, --corporate-url and --root. The files of a product are pinned by their SHA-256 as they are now.
    Nothing is contacted. Where the settings file exists already, give no options: what is missing of folders, keys and
    database is made, and what exists stays as it is.
    """
    path = _target()
    if path.exists():
        _refuse_options(path, name, corporate_url, root)
    else:
        missing = [o for o, v in (("--name", name), ("--corporate-url", corporate_url), ("--root", root)) if not v]
        if missing:
            raise click.UsageError(f"a new installation needs {', '.join(missing)}")
        _write(path, _document(name, corporate_url, root, **others))
    settings = settings_file.read(path, os.environ)
    make_home(settings)
    home = open_home(settings)
    try:
        switching.apply(home, datetime.now(UTC))
        upgrading.look(home, datetime.now(UTC))
    finally:
        home.close()
    click.echo(text.facts((("settings", path), ("data folder", settings.folder), ("spool", settings.spool.folder))))
    base.say(
        "next: `diffgram-home enrol --token-file FILE`, then `account add NAME --role admin --role security`, `run`"
    )
    return Exit.DONE


def _target() -> Path:
    try:
        return base.config_path()
    except Stop:
        return base.CONFIG_PLACES[0].absolute()


def _refuse_options(path: Path, *options: str | None) -> None:
    if any(options):
        raise Stop(f'"{path}" exists already', "edit that file, or run `init` without options to make what is missing")


def _document(name: str, url: str, root: str, **others: object) -> str:
    document = tomlkit.document()
    document.add(tomlkit.comment(_HEADING))
    document.update({"name": name, "folder": str(others["folder"])})
    document["web"] = {"address": others["address"], "port": others["port"]}
    document["corporate"] = {"url": url, "root": root}
    document["sending"] = {"wait_s": _READABLE_S}
    if others["spool_group"]:
        document["spool"] = {"group": others["spool_group"]}
    catalogues = [_pinned(file) for file in others["product_catalogue"]]  # type: ignore[attr-defined]
    if catalogues or others["product_index"] or others["product_signature"]:
        document["product"] = {"catalogue": catalogues}
        if others["product_index"]:
            document["product"]["index"] = _pinned(others["product_index"])  # type: ignore[index]
        if others["product_signature"]:
            signature = str(Path(str(others["product_signature"])).absolute())
            document["product"]["signature"] = signature  # type: ignore[index]
    document["cases"] = dict(DEFAULTS)
    return tomlkit.dumps(document)


def _pinned(file: object) -> dict[str, str]:
    path = Path(str(file)).absolute()
    return {"file": str(path), "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}


def _write(path: Path, content: str) -> None:
    """Write the settings file whole or not at all, and only when it can be used."""
    settings_file.parse(content, path, os.environ)
    path.parent.mkdir(parents=True, exist_ok=True)
    files.write(path, content.encode(), _FILE_MODE)


@command("enrol")
@click.option("--token-file", type=click.File("r"), help="File with the token, or - for standard input.")
@click.option("--again", is_flag=True, help="Also when this installation is enrolled already.")
@click.option("--out", type=_FILE, help="Without a network: write the request to this file, contact nobody.")
@click.option("--in", "answer", type=_FILE, help="Without a network: take in corporate's answer to that request.")
@with_home
def enrol(home: Home, token_file: TextIO | None, again: bool, out: Path | None, answer: Path | None) -> Exit:
    """Make this installation known to corporate, once.

    Contacts corporate, checks its root against the fingerprint in the settings before anything is sent, hands in the
    token with a request for a certificate, and stores the certificate. The private key never leaves this machine. The
    same token again gives the same answer, so a lost answer costs nothing.

    Without a network: with --out the request is written to a file, which holds the token and is to be handed over as
    carefully; corporate's `import` answers it with a file, which --in takes in. The root is checked in the same way.
    """
    if enrolment.is_enrolled(home) and not again:
        click.echo("enrolled already")
        return Exit.DONE
    if (answer is None) == (token_file is None) or (out and answer):
        raise click.UsageError("give --token-file, with --out where there is no network, or --in alone")
    now = datetime.now(UTC)
    if answer is not None:
        with answer.open("rb") as stream:
            done = enrolment_by_hand.take(home, stream.read(carried.MAX_IN_BYTES + 1), base.actor(), now)
    elif out is not None:
        enrolment_by_hand.request(home, token_file.read().strip(), out, base.actor(), now)  # type: ignore[union-attr]
        base.say(f"next: bring '{out}' to corporate, and its answer back with `diffgram-home enrol --in FILE`")
        return Exit.DONE
    else:
        done = enrolment.enrol(home, sending.open_door(home), token_file.read().strip(), base.actor(), now)  # type: ignore[union-attr]
    named = (("installation", home.installation), ("customer", done.customer), ("corporate", done.corporate))
    click.echo(text.facts((*named, ("certificate until", text.instant(done.expires_at)))))
    return Exit.DONE


@command("run")
@click.option("--only", type=click.Choice(("pages", "scheduler")), help="One part, where each has its own service.")
def run(only: str | None) -> NoReturn:
    """Run the pages and the scheduler until Ctrl-C or SIGTERM.

    Both are children of this process. A signal to end goes to both; when one ends by itself, the other is ended too and
    the exit code is 1, so that a service manager starts both again.
    """
    path = base.config_path()
    settings_file.read(path, os.environ)
    os.execv(sys.executable, [sys.executable, "-m", "diffgram_home.cli.serve", str(path), *filter(None, [only])])  # noqa: S606  no shell


@command("check")
@base.json_option
@with_home
def check(home: Home, as_json: bool) -> Exit:
    """Is this installation healthy? Each finding says what to do.

    Exit code 0 when nothing is wrong; notices alone do not change it. Says at the end who signed the product's index.
    Contacts nobody.
    """
    findings = health.findings(health.gather(home, datetime.now(UTC)))
    pinned = home.settings.product.index and home.settings.product.index.sha256
    if as_json:
        product = signatures.told(home.signature, pinned)
        base.show_json({"healthy": health.healthy(findings), "findings": findings, "product": product})
    else:
        click.echo("\n".join(f"{f.level}: {f.what}\n  to do: {f.to_do}" for f in findings) or "healthy: nothing found")
        click.echo(text.printable(signatures.sentence(home.signature, pinned)))
    return Exit.DONE if health.healthy(findings) else Exit.FINDING
