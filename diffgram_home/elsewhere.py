"""Hands each new checkpoint to the places that the customer named: a file, syslog, a C2SP witness.

Signing is `ledger`'s, the connection to a witness the door's, what a cosignature says `audit.cosignature`'s. Rules:
- A place gets the newest checkpoint that it has not got; that it did becomes a record of the ledger afterwards. A
  crash between the two hands it over once more, which every place bears.
- A place that fails is a notice with what to do, holds up nothing, and is tried again ever more rarely, at most hourly.
- A witness that has seen more than this ledger holds, or another history, is told as what it is: truncated, or a fork.
- What is not named in the settings is not opened: no file, no socket, no host.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy.orm import Session

from audit import checkpoint, cosignature, record, tree
from audit.errors import SignatureRefused
from diffgram_home import counting, egress, facts, ledger
from diffgram_home.errors import HomeError
from diffgram_home.exchange import DoorError, Trust
from diffgram_home.home import Home
from diffgram_home.models import Checkpoint
from diffgram_home.outbound import WitnessDoor, log_checkpoint
from diffgram_home.settings import Settings

FACT = "elsewhere"
TIMEOUT_S = 10
FIRST_WAIT_S, LONGEST_WAIT_S = 10, 3600
_SIZE = re.compile(r"(0|[1-9][0-9]{0,15})\n?\Z")


class ElsewhereError(HomeError):
    """A place did not take a checkpoint."""


@dataclass(frozen=True, slots=True)
class Note:
    """A checkpoint to hand over, and how many records the place had before (0: none)."""

    size: int
    root: str
    text: str
    before: int = 0


@dataclass(frozen=True, slots=True)
class _Place:
    """One place: its kind, where it is, and how to hand over, which returns the note as it is to be kept."""

    kind: str
    target: str
    give: Callable[[Note], str]


def open_witness(settings: Settings) -> WitnessDoor | None:
    """The door to the witness in the settings, or None if none is named."""
    named = settings.elsewhere.witness
    if named is None:
        return None
    return WitnessDoor(named.url, registry=egress.reachable(settings), timeout_s=TIMEOUT_S)


def hand_over(home: Home, witness: WitnessDoor | None, now: datetime) -> tuple[str, ...]:
    """Hand the newest checkpoint to every place that lacks it; returns the kinds of place that took it."""
    if not home.settings.elsewhere.named:
        return ()
    with home.store.read() as session:
        last = ledger.last_checkpoint(session)
        known = facts.get(session, FACT, {})
    if last is None:
        return ()
    signed = checkpoint.verify(last.text, home.origin, home.keys.ledger.public_key())
    taken = []
    for place in _places(home, witness):
        state = known.get(place.kind, {})
        state = state if state.get("to") == place.target else {"to": place.target, "size": 0}
        if state["size"] >= last.size or state.get("next", "") > now.isoformat():
            continue
        note = Note(last.size, signed.root.hex(), last.text, state["size"])
        if _hand(home, place, note, state, now):
            taken.append(place.kind)
    return tuple(taken)


def standing(home: Home) -> tuple[tuple[str, str, int], ...]:
    """Each place that the settings name: kind, where it is, and the size of the newest checkpoint that it took."""
    named = home.settings.elsewhere
    with home.store.read() as session:
        known = facts.get(session, FACT, {})
    targets = {"file": named.file, "syslog": named.syslog, "witness": named.witness and named.witness.url}
    found = ((kind, str(to), known.get(kind, {})) for kind, to in targets.items() if to)
    return tuple((kind, to, state["size"] if state.get("to") == to else 0) for kind, to, state in found)


def cosigned(home: Home, session: Session, most: int = 100) -> Iterator[str]:
    """The newest checkpoints kept here that the witness in the settings has cosigned."""
    named = home.settings.elsewhere.witness
    if named is None:
        return
    name, public = checkpoint.read_vkey(named.key, cosignature.TYPE)
    for row in session.query(Checkpoint).order_by(Checkpoint.size.desc()).limit(most):
        try:
            cosignature.verify(row.text, name, public)
        except SignatureRefused:
            continue
        yield row.text


def _places(home: Home, witness: WitnessDoor | None) -> Iterator[_Place]:
    named = home.settings.elsewhere
    if named.file:
        yield _Place("file", str(named.file), lambda note: _append(named.file, note))
    if named.syslog:
        yield _Place("syslog", str(named.syslog), lambda note: _log(named.syslog, note))
    if named.witness and witness:
        yield _Place("witness", named.witness.url, lambda note: _ask(home, witness, note))


def _hand(home: Home, place: _Place, note: Note, state: dict, now: datetime) -> bool:
    try:
        kept = place.give(note)
    except HomeError as error:
        tries = state.get("tries", 0) + 1
        wait = timedelta(seconds=min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** min(tries, 10)))
        with home.store.write() as session:
            code = f"checkpoint-{place.kind}"
            counting.notice(session, now, code, place.target, str(error.args[0]), error.hint)
            _know(session, place.kind, {**state, "tries": tries, "next": (now + wait).isoformat()})
        return False
    with home.store.write() as session:
        counting.end_notice(session, now, f"checkpoint-{place.kind}")
        _know(session, place.kind, {"to": place.target, "size": note.size})
        if kept != note.text:
            session.get_one(Checkpoint, note.size).text = kept
        entry = record.Checkpoint(at=record.instant(now), place=place.kind, root=note.root, size=note.size)
        ledger.append(session, entry)
    return True


def _know(session: Session, kind: str, state: dict) -> None:
    facts.put(session, FACT, {**facts.get(session, FACT, {}), kind: state})


def _append(path: Path, note: Note) -> str:
    """Append to the customer's file: the notes one after the other, an empty line behind each."""
    hint = "correct [ledger] checkpoint_file, or its permissions"
    try:
        # Without O_NONBLOCK a pipe that nobody reads would hold up every round.
        handle = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC | os.O_NONBLOCK, 0o640)
        try:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                text = f"cannot append a checkpoint to '{path}': it is no regular file"
                raise ElsewhereError("checkpoint-file", text, hint)
            data = note.text.encode() + b"\n"
            if os.write(handle, data) != len(data):
                text = f"only a part of a checkpoint could be written to '{path}'"
                raise ElsewhereError("checkpoint-file", text, hint)
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        text = f"cannot append a checkpoint to '{path}': {error.strerror}"
        raise ElsewhereError("checkpoint-file", text, hint) from error
    return note.text


def _log(path: Path, note: Note) -> str:
    try:
        log_checkpoint(path, note.text)
    except OSError as error:
        text = f"cannot log a checkpoint to '{path}': {error.strerror or 'nobody reads it'}"
        hint = "correct [ledger] checkpoint_syslog; it is the socket of this machine's syslog, mostly '/dev/log'"
        raise ElsewhereError("checkpoint-syslog", text, hint) from error
    return note.text


def _ask(home: Home, door: WitnessDoor, note: Note) -> str:
    """The note with the witness's cosignature, after it has seen that the ledger only grew."""
    named = home.settings.elsewhere.witness
    name, public = checkpoint.read_vkey(named.key, cosignature.TYPE)
    before = min(note.before, note.size)
    for _ in range(2):  # a witness says in its refusal from which size on it has to be shown
        answer = _answer(home, door, note, before)
        if answer.status == 200:
            try:
                return note.text + cosignature.lines_of(answer.body.decode("utf-8", "replace"), note.text, name, public)
            except SignatureRefused as error:
                text = f"the witness's cosignature does not hold: {error}"
                raise ElsewhereError("witness-key", text, "compare [ledger.witness] key with its owner") from error
        seen = _SIZE.match(answer.body.decode("latin-1")) if answer.status == 409 else None
        if seen is None or int(seen[1]) == before:
            raise _refused(answer.status, note.size)
        before = int(seen[1])
        if before > note.size:
            text = f"truncated: the witness has seen {before} records, this ledger has {note.size}"
            hint = "the end was cut off, an older backup restored, or two machines use one identity; run `verify`"
            raise ElsewhereError("witness-ahead", text, hint)
    raise _refused(409, note.size)


def _answer(home: Home, door: WitnessDoor, note: Note, before: int):
    path: list[bytes] = []
    if 0 < before < note.size:
        with home.store.read() as session:
            path = tree.consistency_proof(before, note.size, lambda level, n: ledger.node(session, level, n))
    named, signer = home.settings.elsewhere.witness, (home.origin, home.keys.ledger.public_key())
    trust = Trust((), named.ca_file, system=named.ca_file is None)
    try:
        return door.add_checkpoint(before, path, note.text, *signer, trust)
    except DoorError as error:
        hint = "look at [ledger.witness] in the settings, and at the network between here and there"
        raise ElsewhereError(error.code, f"the witness was not reached: {error.args[0]}", hint) from error


def _refused(status: int, size: int) -> ElsewhereError:
    if status in (409, 422):
        text = f"fork: the witness has seen another history of this ledger than its {size} records"
        hint = "a record was changed, or two machines use one identity; keep the data folder as it is and run `verify`"
        return ElsewhereError("witness-differs", text, hint)
    if status in (403, 404):
        hint = "give its owner the key line that `diffgram-home verify` prints"
        return ElsewhereError("witness-unknown", "the witness does not know this ledger, or its key", hint)
    hint = "ask its owner; it is tried again"
    return ElsewhereError("witness-refused", f"the witness answered with status {status}", hint)
