"""Commands about messages on their way: new, pending, send, sent, show."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

import click

import event
from audit.catalogue import CASES
from diffgram_home import approving, intake, judging, reading, rules, sealing, sending, switching, upgrading, views
from diffgram_home.cli import base, text, values
from diffgram_home.cli.base import Stop, command, json_option, with_home
from diffgram_home.cli.exits import Exit
from diffgram_home.cli.fields import case_option
from diffgram_home.cli.pages import LARGEST, first, whole
from diffgram_home.home import Home

SENT_FIELDS = ("sequence", "case", "at", "outcome", "sha256", "size_bytes", "destination")
MOST_PENDING = 1000


@command("new")
@click.argument("kind")
@click.argument("words", nargs=-1, metavar="FIELD=VALUE...")
@with_home
def new(home: Home, kind: str, words: tuple[str, ...]) -> Exit:
    """Record a message of KIND, as a product would with event.new().

    The message goes into the spool, reduced to metadata by the type of each field; it leaves only when its kind is on
    and its fields are approved. An undeclared kind or field, or a value of another type, is refused by name.
    """
    base.known({k.name: k for k in home.catalogue.live_kinds()}, kind, "kind")
    fields = values.parse(words, home.catalogue.of_kind(kind))
    mode = rules.current(home).modes.of(kind).mode
    if mode == "off":
        raise Stop(
            f'"{kind}" is off: nothing is collected', f"`diffgram-home on {home.catalogue.kinds[kind].case} {kind}`"
        )
    _record(home, kind, fields)
    click.echo(f"recorded {kind} ({mode})")
    return Exit.DONE


def _record(home: Home, kind: str, fields: Mapping[str, object]) -> None:
    event.start(home.settings.spool.folder, home.catalogue, home.index, strict=True)
    try:
        event.new(kind, **fields)
    except event.EventError as error:
        raise Stop(str(error), code=Exit.USAGE) from error
    dropped = event.counts()
    if dropped:
        raise Stop(f"it was not recorded: {dropped}", "`diffgram-home check` looks at the spool", Exit.STORAGE)


@command("pending")
@case_option
@json_option
@with_home
def pending(home: Home, case: str | None, as_json: bool) -> Exit:
    """The exact bytes that would go now to standard output, batch after batch. Opens no socket.

    What waits in the spool is taken in and sealed first, as the scheduler would, so that these are the very bytes:
    their hash is the one that `sent`, the receipt and corporate will have. Exit code 3 when fields are withheld because
    nobody approved them. With --json one object: the batches with their bytes as text, and what is withheld and why.
    """
    page = sealed_now(home, case, datetime.now(UTC))
    if as_json:
        base.show_json(_pending_json(page))
    else:
        for batch in page.batches:
            base.say(_pending_line(batch))
            sys.stdout.buffer.write(batch.body or b"")
            sys.stdout.buffer.flush()
    for note in _pending_notes(page):
        base.say(note)
    return Exit.DECISION if page.approval_missing or page.stopped else Exit.DONE


def sealed_now(home: Home, case: str | None, now: datetime) -> views.PendingPage:
    """Take in and seal what waits in the spool, as the scheduler would; what is pending then, without its lines."""
    switching.apply(home, now)
    upgrading.attend(home, now)
    intake.take(home, now)
    sealing.seal_waiting(home, now)
    approving.attend(home, now)
    return reading.pending(home, case=case, limit=MOST_PENDING, lines=0)


def _pending_line(b: views.Pending) -> str:
    state = f" {b.state}" if b.state != "queued" else ""
    return f"{b.case} {b.sequence}:{state} {b.messages} messages, {text.size(b.size_bytes)}, sha256 {b.sha256}"


def _pending_notes(page: views.PendingPage) -> Iterator[str]:
    if page.total_batches > len(page.batches):
        yield f"{page.total_batches - len(page.batches)} more batches wait behind these"
    if not page.total_batches:
        yield "nothing is waiting to go"
    if not page.enrolled:
        yield "this installation is not enrolled: nothing can be sent yet"
    if page.stopped:
        yield "a release changed what may leave, and by [policy] nothing leaves until somebody decides"
        yield "`diffgram-home fields --state undecided` shows what waits; then approve or decline each"
    if page.approval_missing:
        yield "fields wait for approval and are withheld: `diffgram-home fields --state new`, then `approve`"


def _pending_json(page: views.PendingPage) -> dict[str, object]:
    batches = [
        {
            "sequence": b.sequence,
            "case": b.case,
            "state": b.state,
            "void": b.void,
            "sealed_at": b.sealed_at,
            "messages": b.messages,
            "size_bytes": b.size_bytes,
            "sha256": b.sha256,
            "tries": b.tries,
            "next_try_at": b.next_try_at,
            "last_outcome": b.last_outcome,
            "last_code": b.last_code,
            "body": (b.body or b"").decode(),
        }
        for b in page.batches
    ]
    return {
        "batches": batches,
        "total_batches": page.total_batches,
        "withheld": page.withheld,
        "approval_missing": page.approval_missing,
        "stopped": page.stopped,
        "enrolled": page.enrolled,
    }


@command("send")
@json_option
@with_home
def send(home: Home, as_json: bool) -> Exit:
    """Send now what waits: one round, without waiting for the scheduler or for a batch's next try.

    Exit code 0: all was accepted, or nothing waited. 1: corporate refused something. 5: corporate was not reached or
    its answer did not arrive; it will be tried again. 3: nothing of that, but fields are withheld until approved. With
    --json a line an attempt: case, sequence, sha256, outcome, code, detail, hint.
    """
    now = datetime.now(UTC)
    page = sealed_now(home, None, now)
    with text.Progress("sending", sys.stderr) as progress:
        tried = sending.send_due(home, sending.open_door(home), now, force=True, progress=progress)
    if as_json:
        base.show_json_lines(tried)
    else:
        click.echo("\n".join(map(_tried_line, tried)) or "nothing was sent")
    for note in _pending_notes(reading.pending(home, limit=1, lines=0)):
        base.say(note)
    return _send_exit(tried, page.approval_missing or page.stopped)


def _tried_line(s: sending.Sent) -> str:
    why = f": {s.detail}; {s.hint}" if s.outcome != "accepted" else ""
    return text.printable(f"{s.case} {s.sequence}: {s.outcome}{why}, sha256 {s.sha256}")


def _send_exit(tried: Sequence[sending.Sent], decision_missing: bool) -> Exit:
    """What the round means as one exit code: the worst outcome of any batch counts, by the last try of each."""
    last = {(s.case, s.sequence): s for s in tried}.values()
    if any(s.outcome == "rejected" and (s.status is not None or s.blame == judging.GATE) for s in last):
        return Exit.FINDING
    if any(s.outcome != "accepted" for s in last):
        return Exit.NOT_REACHED
    return Exit.DECISION if decision_missing else Exit.DONE


@command("sent")
@case_option
@click.option("--outcome", type=click.Choice(("accepted", "rejected", "unknown")), help="Only attempts that ended so.")
@click.option("--limit", type=click.IntRange(1), help="How many of the newest attempts. Default: all.")
@json_option
@with_home
def sent(home: Home, case: str | None, outcome: str | None, limit: int | None, as_json: bool) -> Exit:
    """Every attempt to send, newest first, with how it ended.

    `accepted`: corporate's receipt for exactly these bytes is stored. `rejected`: corporate does not have them.
    `unknown`: the bytes may have arrived, the answer did not; they are tried again and stored there once.
    With --json a line an attempt: sequence, case, at, outcome (null while under way), sha256, size_bytes, destination.
    """
    attempts = first(limit, whole(lambda before: reading.sent(home, case=case, outcome=outcome, before=before), _id))
    if as_json:
        base.show_json_lines({name: getattr(a, name) for name in SENT_FIELDS} for a in attempts)
        return Exit.DONE
    headings = ("sequence", "case", "at", "outcome", "why", "messages", "size", "sha256", "destination")
    click.echo(text.table(headings, (_attempt_row(a) for a in attempts)))
    return Exit.DONE


def _id(attempt: views.AttemptLine) -> int:
    return attempt.id


def _attempt_row(a: views.AttemptLine) -> tuple[object, ...]:
    why = f"void: {a.void}" if a.void else a.code or ""
    size = text.size(a.size_bytes)
    return (
        a.sequence,
        a.case,
        text.instant(a.at),
        a.outcome or "under way",
        why,
        a.messages,
        size,
        a.sha256,
        a.destination,
    )


@command("show")
@click.argument("sequence", type=click.IntRange(1, LARGEST))
@case_option
@with_home
def show(home: Home, sequence: int, case: str | None) -> Exit:
    """The exact bytes of batch SEQUENCE to standard output, and nothing else.

    `diffgram-home show 12 | sha256sum` prints the hash that `sent`, the receipt and corporate have. Sequence numbers
    count in each case by themselves: name the --case when more than one has this number.
    """
    sys.stdout.buffer.write(body_of(home, sequence, case))
    sys.stdout.buffer.flush()
    return Exit.DONE


def body_of(home: Home, sequence: int, case: str | None) -> bytes:
    """The bytes that stand under a number. Raises Stop when there are none, UsageError when several cases have it."""
    found = {c: body for c in ([case] if case else CASES) if (body := reading.body(home, c, sequence)) is not None}
    if len(found) > 1:
        raise click.UsageError(f"number {sequence} is used in {' and '.join(found)}: name one with --case")
    if not found:
        raise Stop(
            f"no bytes are stored under the number {sequence}",
            "`diffgram-home sent` lists the numbers; bytes older than [keep] bodies_days are gone, their hashes stay",
            Exit.NOT_FOUND,
        )
    return next(iter(found.values()))
