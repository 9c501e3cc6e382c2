"""Commands that show and prove what happened: history, verify, proof, consistency, export."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import click

from audit import checkpoint, published
from audit.catalogue import CASES
from audit.published import Comparison
from audit.verification import Finding
from diffgram_home import bundle as bundles
from diffgram_home import ledger, listing, manifest, proofs, reading, verifying
from diffgram_home.cli import base, text
from diffgram_home.cli.base import Stop, command, json_option, with_home
from diffgram_home.cli.exits import Exit
from diffgram_home.cli.pages import first, whole
from diffgram_home.home import Home, open_home
from diffgram_home.verifying import Verified

_file = click.Path(path_type=Path, dir_okay=False)


@command("history")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="How many of the newest changes.")
@json_option
@with_home
def history(home: Home, limit: int, as_json: bool) -> Exit:
    """Who changed what and when: modes, approvals, accounts; newest first.

    Each change is a record of the ledger; its position is in the last column.
    """
    changes = first(limit, whole(lambda before: reading.history(home, before=before), lambda c: c.position))
    if as_json:
        base.show_json_lines(changes)
        return Exit.DONE
    headings = ("at", "who", "what", "subject", "from", "to", "detail", "position")
    who = base.who(home)
    rows = (
        (
            text.instant(c.at),
            who(c.actor),
            c.what,
            who(c.subject),
            c.before or "-",
            c.after or "-",
            c.detail or "",
            c.position,
        )
        for c in changes
    )
    click.echo(text.table(headings, rows))
    return Exit.DONE


@command("verify")
@click.option("--file", "file", type=_file, help="Verify what `export` wrote instead of this installation's ledger.")
@click.option(
    "--key", help="With --file: the key line of the ledger, noted elsewhere, so that the file cannot vouch for itself."
)
@click.option(
    "--checkpoint", "kept", multiple=True, type=_file, help="Checkpoints kept elsewhere: notes, or a log. Repeat it."
)
@click.option(
    "--manifest", "manifests", multiple=True, type=_file, help="With --file: a manifest of corporate's keys. Repeat it."
)
@click.option("--root", help="With --manifest: the fingerprint of corporate's root, as it was handed over.")
@json_option
def verify(
    file: Path | None,
    key: str | None,
    kept: tuple[Path, ...],
    manifests: tuple[Path, ...],
    root: str | None,
    as_json: bool,
) -> Exit:
    """Recompute the whole ledger: every record, every hash, every number, every receipt.

    Prints what does not hold, and always what this does not prove. Exit code 1 when anything does not hold. With
    --checkpoint it tells a ledger that was cut short (`kept-ahead`) from one that was written anew (`kept-differs`).
    A checkpoint of corporate's published list, as another customer was shown it, is compared with the one shown here.
    With --file no installation is needed. Keep checkpoints, and the key line that is printed, where this host cannot
    change them: only then does a ledger that was cut short or written anew show. Contacts nobody.
    """
    if file is None and key is not None:
        raise click.UsageError("--key goes with --file; this installation has its own key")
    if (file is None and manifests) or bool(manifests) != bool(root):
        raise click.UsageError("--manifest and --root go together, and with --file")
    if file is not None and kept and key is None:
        raise click.UsageError("--checkpoint with --file needs --key, the key that signed it")
    notes = [note for path in kept for note in checkpoint.notes(path.read_text(encoding="utf-8"))]
    lists = [note for note in notes if published.is_of_list(note)]
    texts = [note for note in notes if not published.is_of_list(note)]
    if lists and file is not None:
        raise click.UsageError("a checkpoint of corporate's published list is compared without --file")
    receipts = manifest.receipt_keys((path.read_bytes() for path in manifests), root) if root else None
    with text.Progress("verifying", sys.stderr) as progress:
        if file is None:
            found, line = _here(texts, progress)
        else:
            found, line = verifying.verify_file(file, progress, vkey=key, kept=texts, receipts=receipts), key
    compared = _compared(lists) if lists else ()
    if as_json:
        shown = {"holds": found.holds, "report": found.report, "findings": found.findings, "key": line}
        base.show_json({**shown, "published": [one.verdict for one in compared]})
    else:
        click.echo("\n".join([*_told(found, line), *map(_told_list, compared)]))
    forked = any(one.verdict == "fork" for one in compared)
    return Exit.DONE if found.holds and not forked else Exit.FINDING


def _compared(lists: list[str]) -> tuple[Comparison, ...]:
    home = open_home(base.read_settings())
    try:
        keys = manifest.keys_ever(home, manifest.CATALOGUES) or {}
        return tuple(listing.compare(home, note, keys) for note in lists)
    finally:
        home.close()


def _told_list(found: Comparison) -> str:
    said = {
        "same": "is the one that was shown here",
        "behind": "is an earlier state of the one that was shown here",
        "ahead": "is longer than what was shown here so far: compare again after the next receipt",
        "fork": "is NOT the one that was shown here: both signed checkpoints together prove it",
    }
    return f"corporate's published list of {found.theirs.size} entries {said[found.verdict]}"


def _here(kept: list[str], progress: text.Progress) -> tuple[Verified, str]:
    home = open_home(base.read_settings())
    try:
        return verifying.verify(home, datetime.now(UTC), progress, kept=kept, processes=_cores()), ledger.verifier_key(
            home
        )
    finally:
        home.close()


def _cores() -> int:
    """How many this process may use and nobody else does now: on taken ones several processes are slower than one."""
    return max(1, len(os.sched_getaffinity(0)) - round(os.getloadavg()[0]))


def _told(found: Verified, key: str | None) -> Iterator[str]:
    report = found.report
    yield from map(_finding, found.findings)
    hidden = report.faults + report.notes - len(found.findings)
    if hidden > 0:
        yield f"and {hidden} more"
    yield "the ledger holds" if found.holds else f"the ledger does NOT hold: {report.faults} faults"
    yield text.facts(
        (
            ("records", report.size),
            ("root", report.root),
            ("bodies", f"{report.bodies} ({text.size(report.body_bytes)}), {report.pruned} let go by age"),
            ("accepted", f"{report.accepted}, of which {report.receipts} with a receipt that holds"),
            ("under way", report.pending),
            ("checkpoints kept elsewhere", report.kept),
            *([("key", key)] if key else []),
        )
    )
    yield "this does not prove:"
    yield from (f"  - {limit}" for limit in report.not_proved)


def _finding(finding: Finding) -> str:
    where = "the whole" if finding.index is None else f"record {finding.index}"
    return text.printable(f"{finding.severity}: {where}: {finding.message} ({finding.code})")


@command("proof")
@click.argument("sequences", type=click.IntRange(1), nargs=-1, required=True, metavar="SEQUENCE...")
@click.option(
    "--case", type=click.Choice(CASES), default="event", show_default=True, help="The case that they count in."
)
@click.option(
    "--folder", type=click.Path(path_type=Path, file_okay=False, exists=True), default=".", help="Where to write them."
)
@with_home
def proof(home: Home, sequences: tuple[int, ...], case: str, folder: Path) -> Exit:
    """Write proofs that the ledger holds each record about SEQUENCE: sealed, attempts, outcomes.

    One `.tlog-proof` (C2SP) a record: its bytes, its position, the hashes up to the root, and the signed checkpoint,
    with the cosignature of your witness where it has one. Verifiers of other projects read it; docs/auditing.md shows
    how, with public tools. Needs no network.
    """
    ledger.sign_checkpoint(home, datetime.now(UTC))
    found = {sequence: proofs.of_number(home, case, sequence) for sequence in sequences}
    missing = [str(sequence) for sequence, files in found.items() if not files]
    if missing:
        hint = "`diffgram-home sent` lists the numbers; name another case with --case"
        raise Stop(f"{case} has no number {', '.join(missing)}", hint, Exit.NOT_FOUND)
    written = [file for files in found.values() for file in files]
    for file in written:
        (folder / file.name).write_text(file.text, encoding="utf-8")
    rows = ((file.name, file.what, file.position, file.size) for file in written)
    click.echo(text.table(("file", "record", "position", "checkpoint of"), rows))
    return Exit.DONE


@command("consistency")
@click.argument("old", type=_file)
@click.argument("new", type=_file, required=False)
@with_home
def consistency(home: Home, old: Path, new: Path | None) -> Exit:
    """Print the proof that the ledger only grew from checkpoint OLD to NEW, two files; without NEW, to the newest here.

    OLD is one that was kept elsewhere. Exit code 1 when there is no such proof, and why: `truncated`, the end was cut
    off or an older backup restored; `fork`, something before OLD was changed, or two ledgers are written under one key.
    """
    texts = [path.read_text(encoding="utf-8") for path in (old, new) if path is not None]
    click.echo(proofs.consistency(home, *texts), nl=False)
    return Exit.DONE


@command("export")
@click.argument("file", type=_file)
@with_home
def export(home: Home, file: Path) -> Exit:
    """Write the whole ledger with its exact bytes to FILE, to keep or to verify elsewhere.

    `diffgram-home verify --file FILE` verifies it on any machine; docs/formats/ledger-export.md describes it for tools
    that are not ours. The file is written whole or not at all, readable by you alone, because it holds what was sent.
    """
    with text.Progress("exporting", sys.stderr) as progress:
        leaves = verifying.export_to(home, file, datetime.now(UTC), progress)
    click.echo(text.facts((("records", leaves), ("file", file), ("key", ledger.verifier_key(home)))))
    base.say("note the key line elsewhere, and give it to `verify --file FILE --key LINE`")
    return Exit.DONE


@command("bundle")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@with_home
def bundle(home: Home, folder: Path) -> Exit:
    """Write all that an auditor needs into FOLDER: ledger, exact bytes, its key, corporate's manifests of keys.

    docs/auditing.md gives the commands that check it with public tools alone, on any machine; `diffgram-home verify
    --file` does the same with ours. The folder is new, and readable by you alone, because it holds what was sent.
    """
    with text.Progress("exporting", sys.stderr) as progress:
        leaves = bundles.write(home, folder, datetime.now(UTC), progress)
    click.echo(text.facts((("records", leaves), ("folder", folder), ("key", ledger.verifier_key(home)))))
    base.say("note the key line elsewhere: an auditor needs it from you, and not from the folder")
    return Exit.DONE
