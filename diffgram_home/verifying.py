"""Verifies the whole ledger, here or from an exported file, and writes such a file.

The recomputation is `audit.verification`'s, the file's form `audit.export`'s; here leaves and bodies are read from the
database, one page at a time, from one snapshot. Rules:
- Nothing is trusted that can be recomputed: neither the node rows nor the hashes beside the bodies, nor the tables that
  pages and rules are made of (`agreeing`).
- The result says what it does not prove, and is noted (`verified`) for the overview.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy.orm import Session

from audit import checkpoint, deletion, export, ranges, record
from audit.errors import RecordRefused, SignatureRefused
from audit.verification import Finding, Head, Known, Report
from audit.verification import verify as recompute
from diffgram_home import deleting, elsewhere, facts, files, ledger, manifest
from diffgram_home._stored import Stored
from diffgram_home.agreeing import Agreement
from diffgram_home.errors import LedgerError
from diffgram_home.home import Home
from diffgram_home.leaves import Progress, Reader

MOST_FINDINGS = 1000
LONG = 4
"""Ranges from which on several processes are worth their beginning."""


@dataclass(frozen=True, slots=True)
class Verified:
    """What a verification found: the report, and its findings, at most MOST_FINDINGS of them."""

    report: Report
    findings: tuple[Finding, ...]

    @property
    def holds(self) -> bool:
        """Whether nothing was found wrong."""
        return self.report.holds


def verify(
    home: Home,
    now: datetime,
    progress: Progress | None = None,
    *,
    kept: Iterable[str] = (),
    processes: int = 1,
    sizes: ranges.Sizes = ranges.SIZES,
) -> Verified:
    """Recompute the whole ledger; `kept` are checkpoints as text that were kept elsewhere. Raises StoreError.

    `progress` is called with the leaves done and all leaves. With more `processes` than one a long ledger is judged by
    so many, forked from this one, which must have no other thread; what is found is the same whatever the `sizes`.
    """
    texts = [*kept, *_placed(home)]
    with home.store.read() as session:
        size = ledger.standing(session).size
    if processes > 1 and size >= LONG * sizes.range:
        found = _apart(home, texts, progress, processes, sizes)
    else:
        found = _in_turn(home, texts, progress)
    with home.store.write() as session:
        facts.put(session, "verified", {"at": now.isoformat(), "ok": found.holds, "size": found.report.size})
    return found


def _in_turn(home: Home, texts: list[str], progress: Progress | None) -> Verified:
    with home.store.read() as session:
        stood = ledger.standing(session)
        reader = Reader(session, stood.size, progress)
        source = chain(Agreement(session).along(reader.pages()), [Head(stood.size, stood.root)])
        return _gather(recompute(source, reader.body, _known(home, session, texts)))


def _apart(home: Home, texts: list[str], progress: Progress | None, processes: int, sizes: ranges.Sizes) -> Verified:
    home.store.close()  # no connection crosses a fork; the pool opens new ones
    stored = Stored(home, lambda session: _known(home, session, texts))
    with ranges.Crew(stored, processes, sizes) as crew:
        with home.store.write():  # nobody writes meanwhile: all begin with the same
            size = crew.begin().size
        try:
            told = (lambda done: progress(done, size)) if progress else None
            return _gather(crew.verify(stored.head, told))
        finally:
            stored.close()


def _known(home: Home, session: Session, texts: list[str]) -> Known:
    statement = deleting.reader(home)
    every = [*texts, *elsewhere.cosigned(home, session)]
    return Known(
        kept=tuple(_read_checkpoint(home.origin, home.keys.ledger.public_key(), text) for text in every),
        receipts=manifest.keys_ever(home, manifest.RECEIPTS),
        installation=home.installation,
        documents={deletion.KIND: lambda token, asked: statement(token, asked.sha256)},
        statement=lambda token: statement(token, None),
    )


def export_to(home: Home, path: Path, now: datetime, progress: Progress | None = None) -> int:
    """Write the ledger with its bodies to `path` (mode 0600, whole or not at all); returns the number of leaves.

    Raises LedgerError if it cannot be written, StoreError.
    """
    try:
        with files.whole(path) as file:
            stood = _write(home, file.write, now, progress)
    except OSError as error:
        hint = "name a file in a folder where you may write and where there is room"
        raise LedgerError("export-unwritable", f"cannot write '{path}': {error.strerror}", hint) from error
    if stood.size:
        with home.store.write() as session:
            root = stood.root.hex()
            entry = record.Checkpoint(at=record.instant(now), place="export", root=root, size=stood.size)
            ledger.append(session, entry)
    return stood.size


def verify_file(
    path: Path,
    progress: Progress | None = None,
    *,
    vkey: str | None = None,
    kept: Iterable[str] = (),
    receipts: Mapping[str, Ed25519PublicKey] | None = None,
) -> Verified:
    """Verify an exported ledger, with nothing but the file and, better, the key line noted elsewhere (`vkey`).

    `kept` are checkpoints as text that were kept elsewhere; they are checked with `vkey`. `receipts` are corporate's
    keys (`manifest.receipt_keys`). `progress` is called with the bytes read and all bytes. Raises LedgerError,
    SignatureRefused for an unusable `vkey`, ValueError for checkpoints without it.
    """
    key = checkpoint.read_vkey(vkey) if vkey else None
    texts = tuple(kept)
    if texts and key is None:
        raise ValueError("checkpoints can only be checked with the key that signed them")
    known = Known(
        kept=tuple(_read_checkpoint(*key, text) for text in texts) if key else (),
        receipts=receipts,
    )
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            stream = _Stream(file.readline, size, progress)
            return _gather(export.verify(stream, known, key))
    except OSError as error:
        hint = "name a file that 'diffgram-home export' wrote"
        raise LedgerError("export-unreadable", f"cannot read '{path}': {error.strerror}", hint) from error


class _Stream:
    """A file that tells how far it was read."""

    def __init__(self, readline: Callable[[int], bytes], size: int, progress: Progress | None) -> None:
        self._readline, self._size, self._progress, self._done = readline, size, progress, 0

    def readline(self, limit: int, /) -> bytes:
        """The next line, or a part of `limit` bytes of it."""
        line = self._readline(limit)
        self._done += len(line)
        if self._progress:
            self._progress(self._done, self._size)
        return line


def _write(home: Home, write: Callable[[bytes], int], now: datetime, progress: Progress | None) -> ledger.Standing:
    with home.store.read() as session:
        stood = ledger.standing(session)
        public = home.keys.ledger.public_key()
        first = export.start(home.installation, stood.size, home.origin, public, now)
        note = checkpoint.sign(home.origin, stood.size, stood.root, home.keys.ledger)
        reader = Reader(session, stood.size, progress)
        entries = (export.Entry(index, data, _body_of(reader, data)) for index, data in reader.leaves())
        for line in export.write(first, entries, note):
            write(line)
    return stood


def _body_of(reader: Reader, data: bytes) -> bytes | None:
    """The body that stands beside a leaf: that of a sealed batch, of a void, or of a request."""
    try:
        entry = record.parse(data)
    except RecordRefused:
        return None
    spoken_of = isinstance(entry, record.Sealed | record.Void | record.Request | record.RequestByHand)
    return reader.body(entry.sha256) if spoken_of else None


def _gather(items: Iterable[Finding | Report]) -> Verified:
    findings: list[Finding] = []
    report: Report | None = None
    for item in items:
        if isinstance(item, Report):
            report = item
        elif len(findings) < MOST_FINDINGS:
            findings.append(item)
    if report is None:
        raise LedgerError("no-report", "the verification ended without its report", "this is a fault of ours: tell us")
    return Verified(report, tuple(findings))


def _placed(home: Home) -> list[str]:
    """Checkpoints in the file that the customer named: notes one after the other, an empty line behind each."""
    path = home.settings.elsewhere.file
    if path and path.exists() and not path.is_file():  # reading a pipe could wait for ever
        hint = "name a regular file as [ledger] checkpoint_file"
        raise LedgerError("checkpoints-unreadable", f"cannot read '{path}': it is no regular file", hint)
    try:
        text = path.read_text(encoding="utf-8") if path else ""
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        hint = "correct [ledger] checkpoint_file, or its permissions"
        raise LedgerError("checkpoints-unreadable", f"cannot read '{path}'", hint) from error
    return checkpoint.notes(text) if text.strip() else []


def _read_checkpoint(name: str, public: Ed25519PublicKey, text: str) -> tuple[int, bytes]:
    try:
        found = checkpoint.verify(text, name, public)
    except SignatureRefused as error:
        hint = "give checkpoints of this installation's ledger"
        raise LedgerError("checkpoint-refused", f"a checkpoint that was kept does not hold: {error}", hint) from error
    return found.size, found.root
