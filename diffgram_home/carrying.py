"""Carries batches and requests out by hand: signed files for a machine that reaches corporate by no network.

The files' form is `audit.carried`'s; corporate's answers to them are taken in by answering.py. What holds at the door
holds here: a file is the other way out, and this module is the only one that writes it. Rules:

- `gate.check` runs on the exact bytes of each batch, under the rules of that moment (approval before sending among
  them), and a batch whose case is neither `on` nor `offline` does not go. What is not declared, allowed and recorded
  gets into no file.
- Room for the file is taken first, so that a full disk or a folder that cannot be written is told before anything is
  recorded. Then the attempts are durable, then the bytes are written, then the file gets its name, whole.
- Its outcome is unknown until corporate's answers are carried in. Killed in between, the next sender or carrier finds
  the attempts and calls them unknown as well.
- Requests (requests_by_hand.py) go along in the first file, unless one case was named: they belong to no case.
- The same batches are the same file, to the byte; a batch that was carried may go over a connection too, and again:
  corporate stores it once, by its hash.
"""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from audit import carried, gate, modes, record, signed
from audit.canonical import sha256_hex
from audit.catalogue import REQUEST
from audit.errors import Refused
from diffgram_home import (
    attempts,
    bodies,
    enrolment,
    files,
    ledger,
    locks,
    requests,
    requests_by_hand,
    rules,
    sealing,
)
from diffgram_home.errors import HomeError
from diffgram_home.home import Home
from diffgram_home.models import QUEUED, UNKNOWN, VOIDING, Attempt, Batch, Carried, Request
from diffgram_home.sending import LOCK

OUT, IN = "out", "in"
NAME_DIGITS = 12
_INCOMPLETE = "file-incomplete"
_ON_ITS_WAY = "the file is on its way; carry in corporate's answers when they are back"
_WAIT_S = 30
FILE_MODE = 0o644  # whoever carries it, and corporate, are other users
_WHERE = "name a folder that exists and where you may write"
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
Progress = Callable[[int, int], None]


class CarryError(HomeError):
    """Nothing can be carried out or in now, or a file is not one for this installation."""


@dataclass(frozen=True, slots=True)
class Left:
    """A batch, or a request (case "request", its number), that stays here, and why: the gate's code and words."""

    case: str
    sequence: int
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class File:
    """One file that was carried out; `path` is None where it is made when somebody asks for it (`again`)."""

    name: str
    path: Path | None
    sha256: str
    size_bytes: int
    batches: int
    requests: int = 0


@dataclass(frozen=True, slots=True)
class Out:
    """What one call carried out, and what the gate did not let go."""

    files: tuple[File, ...]
    left: tuple[Left, ...]


@dataclass(frozen=True, slots=True)
class _Made:
    """A file that was put together: its bytes, and the batches and requests in it as they were read."""

    data: bytes
    sha256: str
    certificate: str | None
    batches: tuple[Batch, ...]
    requests: tuple[Request, ...]
    checked: gate.Rules


@dataclass(frozen=True, slots=True)
class _Begun:
    """Numbers of the attempts, and of the requests, that are on their way into a file."""

    attempts: tuple[int, ...]
    requests: tuple[int, ...]


def carry_out(
    home: Home,
    folder: Path | None,
    actor: str,
    now: datetime,
    *,
    case: str | None = None,
    progress: Progress | None = None,
) -> Out:
    """Carry out what waits, of `case` or all and requests too, into files in `folder`, recorded as done by `actor`.

    Without a folder nothing is written: `again` gives the files. Raises CarryError, StoreError.
    """
    with alone(home):
        if not enrolment.is_enrolled(home):
            hint = "enrol it first: 'diffgram-home enrol --token-file FILE --out FILE'"
            raise CarryError("not-enrolled", "this installation is not enrolled with corporate", hint)
        attempts.close_interrupted(home, now)
        requests.close_interrupted(home, now)
        sealing.void_refused(home, now)
        due: list[Batch | Request] = [*waiting(home, now, case)]
        due = due if case is not None else [*requests_by_hand.waiting(home), *due]
        done, written, left = 0, [], []
        for portion in _portions(due):
            made, stays = _put_together(home, portion, _rules(home, now), now)
            left += stays
            if made is not None:
                written.append(_carry(home, made, folder, actor, now))
            done += len(portion)
            if progress:
                progress(done, len(due))
        return Out(tuple(written), tuple(left))


def again(home: Home, sha256: str, now: datetime) -> tuple[str, bytes]:
    """Name and bytes of a file that was carried out before, if all in it may still leave now.

    Raises CarryError: "file-unknown", or "file-changed" where a batch in it stands no more, or may not leave any more.
    """
    with home.store.read() as session:
        row = session.scalars(
            select(Carried).where(Carried.direction == OUT, Carried.sha256 == sha256).limit(1)
        ).first()
        if row is None:
            raise CarryError("file-unknown", "no such file was carried out of here", "look for it in the list")
        found = [_stands(session, *one) for one in msgspec.json.decode(row.listed)]
    certificate = row.certificate
    due = [one for one in found if one is not None]
    batches = [one for one in due if isinstance(one, Batch)]
    held = rules.for_these(home, batches, now)  # approved once is approved for a copy of the same file
    made, left = _put_together(home, due, held, now, certificate=certificate)
    if made is None or left or made.sha256 != sha256:
        hint = "carry out what waits now; it makes a new file"
        raise CarryError("file-changed", "what was in this file does not wait any more, or may not leave", hint)
    return name(home, sha256), made.data


def listed(home: Home, *, limit: int = 50) -> tuple[Carried, ...]:
    """The files that were carried, newest first, in both directions."""
    with home.store.read() as session:
        return tuple(session.scalars(select(Carried).order_by(Carried.id.desc()).limit(limit)))


def name(home: Home, sha256: str) -> str:
    """The name of a file: whose it is, and the beginning of its hash."""
    return f"carried-{home.installation[:8]}-{sha256[:NAME_DIGITS]}.out.zip"


@contextlib.contextmanager
def alone(home: Home) -> Iterator[None]:
    """The one who makes attempts or ends them, over all processes. Raises CarryError."""
    with locks.alone(home.settings.folder / LOCK, wait_s=_WAIT_S) as held:
        if not held:
            raise CarryError("sending-busy", "another process is sending", "try again in a moment", retry=True)
        yield


def contents(row: Carried) -> tuple[list[tuple[str, int, str]], list[tuple[int, str]]]:
    """What is in a file: batches as case, number and SHA-256, and requests as number and SHA-256."""
    found = [tuple(one) for one in msgspec.json.decode(row.listed)]
    batches = [one for one in found if one[0] != REQUEST]
    return batches, [(number, sha256) for case, number, sha256 in found if case == REQUEST]


def unwritable(path: Path, error: OSError) -> CarryError:
    """What it means that `path` could not be written."""
    full = error.errno in _FULL
    code, hint = ("disk-full", "make room, or use another disk") if full else ("folder-unwritable", _WHERE)
    return CarryError(code, f"cannot write '{path}': {error.strerror}", hint)


def waiting(home: Home, now: datetime, case: str | None = None) -> list[Batch]:
    """What waits in cases that may leave by hand, or in one of them, in the order of the numbers."""
    allowed = [one for one, mode in rules.current(home, now).modes.cases.items() if modes.leaves_by_hand(one, mode)]
    wanted = select(Batch).where(Batch.state.in_((QUEUED, VOIDING)), Batch.case.in_(allowed))
    if case is not None:
        wanted = wanted.where(Batch.case == case)
    with home.store.read() as session:
        return list(session.scalars(wanted.order_by(Batch.case, Batch.sequence)))


def _portions(due: Sequence[Batch | Request]) -> Iterator[list[Batch | Request]]:
    """As much as one file may hold, file by file."""
    portion: list[Batch | Request] = []
    for one in due:
        size = sum(held.size_bytes for held in portion) + one.size_bytes
        most = carried.MAX_REQUESTS if isinstance(one, Request) else carried.MAX_BATCHES
        if sum(isinstance(held, type(one)) for held in portion) == most or size > carried.ROOM_BYTES:
            yield portion
            portion = []
        portion.append(one)
    if portion:
        yield portion


def _rules(home: Home, now: datetime) -> gate.Rules:
    """Read anew, since they are compared once more before the attempts begin."""
    with home.store.read() as session:
        return rules.within(home, session, now)


def _put_together(
    home: Home,
    due: Sequence[Batch | Request],
    held: gate.Rules,
    now: datetime,
    *,
    certificate: str | None = None,
) -> tuple[_Made | None, list[Left]]:
    """The file of what may leave of `due` now, and the others; no file if nothing may."""
    left: list[Left] = []
    batches: list[tuple[Batch, carried.Batch]] = []
    asked: list[tuple[Request, carried.Asked]] = []
    for one in due:
        try:
            if isinstance(one, Request):
                asked.append((one, requests_by_hand.checked(home, one)))
            else:
                batches.append((one, _checked(home, one, held, now)))
        except (Refused, HomeError) as error:
            named = (REQUEST, one.id) if isinstance(one, Request) else (one.case, one.sequence)
            left.append(Left(*named, error.code, str(error.args[0])))
    if not batches and not asked:
        return None, left
    shown = certificate or _certificate(home)
    entries = tuple(entry for _, entry in batches)
    out = carried.Out(home.installation, entries, shown, requests=tuple(entry for _, entry in asked))
    data = carried.write_out(out, home.keys.installation)
    rows = tuple(batch for batch, _ in batches), tuple(row for row, _ in asked)
    return _Made(data, sha256_hex(data), shown, *rows, held), left


def _checked(home: Home, batch: Batch, held: gate.Rules, now: datetime) -> carried.Batch:
    """The exact bytes and their signature, as at the door. Raises Refused, HomeError."""
    with home.store.read() as session:
        body = bodies.get(session, batch.sha256)
    if body is None:
        raise CarryError("body-missing", "its bytes are not there", "restore the last backup")
    header = gate.check(body, held, batch.generation, rules.CODEC, now=now).header
    if not modes.leaves_by_hand(header.case, held.modes.cases.get(header.case, "off")):
        raise Refused("switched", header.case, f"case '{header.case}' is not on", "switch it on, or leave it")
    if header.installation != home.installation:
        hint = "the data folder was mixed with another's; restore it from one backup"
        raise CarryError("other-installation", "the batch names another installation", hint)
    signature = signed.sign(body, home.keys.installation, signed.BATCH, detached=True)
    return carried.Batch(header.case, header.sequence, body, signature)


def _carry(home: Home, made: _Made, folder: Path | None, actor: str, now: datetime) -> File:
    """Record the attempts, write the file, and record that it is on its way."""
    called = name(home, made.sha256)
    path = None if folder is None else folder / called
    begun = _Begun((), ())
    try:
        if path is None:
            begun = _begin(home, made, actor, now)
        else:
            with files.reserved(path, made.data, FILE_MODE) as fill:
                begun = _begin(home, made, actor, now)
                fill()
    except BaseException as error:
        _end(home, begun, _INCOMPLETE, "the file was not written to its end, and removed", now)
        if isinstance(error, OSError) and path is not None:
            raise unwritable(path, error) from error
        raise
    _end(home, begun, attempts.CARRIED, _ON_ITS_WAY, now)
    return File(called, path, made.sha256, len(made.data), len(made.batches), len(made.requests))


def _begin(home: Home, made: _Made, actor: str, now: datetime) -> _Begun:
    """The file, and an attempt for each entry, durable before a byte is written. Raises CarryError if one moved."""
    with home.store.write() as session:
        if rules.within(home, session, now) != made.checked:
            raise CarryError("rules-changed", "modes or approvals changed just now", "do it again", retry=True)
        held = [session.get(Batch, batch.id) for batch in made.batches]
        pairs = zip(held, made.batches, strict=True)
        if not all(now_ and (now_.sha256, now_.state) == (then.sha256, then.state) for now_, then in pairs):
            raise CarryError("batch-moved", "a batch was voided or accepted just now", "do it again", retry=True)
        asked = [session.get_one(Request, row.id) for row in made.requests]
        entry = record.CarriedOut(
            actor=actor,
            at=record.instant(now),
            batches=len(made.batches),
            sha256=made.sha256,
            size_bytes=len(made.data),
        )
        row = Carried(direction=OUT, at=now, actor=actor, sha256=made.sha256, size_bytes=len(made.data))
        listed = [(b.case, b.sequence, b.sha256) for b in made.batches]
        listed += [(REQUEST, r.id, r.sha256) for r in made.requests]
        row.listed = msgspec.json.encode(listed).decode()
        row.certificate, row.leaf = made.certificate, ledger.append(session, entry)
        session.add(row)
        begun = tuple(attempts.begin_by_hand(session, batch, made.sha256, now).id for batch in held if batch)
        for one in asked:
            requests_by_hand.begin(session, one, made.sha256, now)
        return _Begun(begun, tuple(one.id for one in asked))


def _end(home: Home, begun: _Begun, code: str, detail: str, now: datetime) -> None:
    if begun == _Begun((), ()):
        return
    with home.store.write() as session:
        for number in begun.attempts:
            attempt = session.get_one(Attempt, number)
            attempts.finish(home, session, attempt, outcome=UNKNOWN, now=now, code=code, detail=detail, retry_at=now)
        requests_by_hand.end(session, begun.requests, code, detail, now)


def _stands(session: Session, case: str, sequence: int, sha256: str) -> Batch | Request | None:
    """The batch if these bytes still stand under its number, or the request of this number."""
    if case == REQUEST:
        return requests_by_hand.stands(session, sequence, sha256)
    wanted = select(Batch).where(Batch.case == case, Batch.sequence == sequence, Batch.sha256 == sha256)
    return session.scalars(wanted).first()


def _certificate(home: Home) -> str | None:
    """Our certificate, whatever its date: files travel slowly, and a fresh one comes back with the answers."""
    try:
        return (home.keys.folder / enrolment.CERTIFICATE_FILE).read_text("ascii")
    except (OSError, UnicodeDecodeError):
        return None
