"""Commands for a machine that reaches corporate by no network: carry out, carry in, carry list."""

from __future__ import annotations

import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import click

from audit import carried
from diffgram_home import answering, carrying
from diffgram_home.cli import base, text
from diffgram_home.cli.base import command, json_option, with_home
from diffgram_home.cli.exits import Exit
from diffgram_home.cli.fields import case_option
from diffgram_home.cli.traffic import sealed_now
from diffgram_home.home import Home

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@command("out")
@click.argument("folder", type=_FOLDER)
@case_option
@json_option
@with_home
def out(home: Home, folder: Path, case: str | None, as_json: bool) -> Exit:
    """Write what waits to go into signed files in FOLDER, to be carried to corporate by hand.

    Requests that wait for corporate's answer, such as one for deletion, go along unless a --case is named. What waits
    in the spool is taken in and sealed first. Each batch passes the gate once more and is recorded with its exact bytes
    before the file is complete; its outcome is unknown until corporate's answers are carried in. The same batches give
    the same file, to the byte, and corporate stores each once, whatever way it comes: carry again what may be lost. A
    case in mode offline goes by this way only. Exit code 3 when fields are withheld because nobody approved them, 1
    when the gate kept a batch or a request here.
    """
    now = datetime.now(UTC)
    page = sealed_now(home, case, now)
    with text.Progress("carrying", sys.stderr) as progress:
        done = carrying.carry_out(home, folder, base.actor(), now, case=case, progress=progress)
    if as_json:
        files = [{**asdict(file), "path": str(file.path)} for file in done.files]
        base.show_json({"files": files, "left": done.left})
    else:
        lines = [f"{f.path}: {_inside(f)}, {text.size(f.size_bytes)}, sha256 {f.sha256}" for f in done.files]
        click.echo("\n".join(lines) or "nothing was carried out: nothing waits that may go")
    for one in done.left:
        base.say(f"{one.case} {one.sequence} stays here: {one.message} ({one.code})")
    if page.approval_missing:
        base.say("fields wait for approval and are withheld: `diffgram-home fields --state new`, then `approve`")
    return Exit.FINDING if done.left else Exit.DECISION if page.approval_missing else Exit.DONE


def _inside(file: carrying.File) -> str:
    asked = f"{file.requests} requests" if file.requests else ""
    return " and ".join(filter(None, (f"{file.batches} batches" if file.batches or not asked else "", asked)))


@command("in")
@click.argument("file", type=_FILE)
@json_option
@with_home
def in_(home: Home, file: Path, as_json: bool) -> Exit:
    """Take in FILE with corporate's answers to what was carried out: receipts, statements, and refusals with reasons.

    Each is checked against corporate's keys and the very bytes that were carried, and stored in the ledger. A newer
    manifest of keys and a fresh certificate in FILE come into force, and what rode on the answers is heard as over a
    connection. A file that is forged, changed, for another installation, or here already is refused as a whole. Exit
    code 1 then, and when corporate refused a batch or a request.
    """
    with file.open("rb") as stream:
        data = stream.read(carried.MAX_IN_BYTES + 1)
    taken = answering.carry_in(home, data, base.actor(), datetime.now(UTC))
    if as_json:
        base.show_json(taken)
    else:
        click.echo("\n".join(_said(taken)) or "nothing new about batches")
    return Exit.FINDING if any(one.outcome != "accepted" for one in (*taken.told, *taken.asked)) else Exit.DONE


def _outcome(one: answering.Told | answering.Asked) -> str:
    if one.outcome == "accepted":
        return one.outcome
    return f"{one.outcome}, {one.code}: {one.detail}\n  to do: {one.hint}"


def _said(taken: answering.Taken) -> list[str]:
    lines = [f"{one.case} {one.sequence}: {_outcome(one)}" for one in taken.told]
    lines += [f"request {one.request}, {one.kind}: {_outcome(one)}" for one in taken.asked]
    if taken.known:
        lines.append(f"{taken.known} answers were here already")
    if taken.manifest is not None:
        lines.append(f"corporate's manifest of keys is version {taken.manifest} from now on")
    return [*lines, "this installation's certificate is renewed"] if taken.renewed else lines


@command("list")
@json_option
@with_home
def list_(home: Home, as_json: bool) -> Exit:
    """The files that were carried out and in, newest first: when, by whom, what is in them, and whether answered."""
    rows = carrying.listed(home)
    if as_json:
        base.show_json_lines(
            {
                "direction": row.direction,
                "at": row.at,
                "actor": row.actor,
                "sha256": row.sha256,
                "size_bytes": row.size_bytes,
                "batches": carrying.contents(row)[0],
                "requests": carrying.contents(row)[1],
                "answered_at": row.answered_at,
            }
            for row in rows
        )
        return Exit.DONE
    who = base.who(home)
    headings = ("when", "direction", "by", "batches", "requests", "bytes", "answered", "sha256")
    table = (
        (
            text.instant(row.at),
            row.direction,
            who(row.actor),
            *map(len, carrying.contents(row)),
            row.size_bytes,
            text.instant(row.answered_at) if row.direction == carrying.OUT else "",
            row.sha256,
        )
        for row in rows
    )
    click.echo(text.table(headings, table) if rows else "nothing was ever carried by hand")
    return Exit.DONE


carry = click.Group("carry", commands=(out, in_, list_), help="By hand, without a network: out, in, list.")
