"""Takes in corporate's answers to what was carried out by hand.

The files' form is `audit.carried`'s, what an answer means judging.py's, as over a connection. Rules:

- Nothing of a file is used before all of it holds: corporate's manifest by the pinned root, the list by a key of that
  manifest, every receipt against the very bytes that were carried, and the file that it answers is one of ours.
- A newer manifest comes into force, so that keys may change while a file travels; an older one changes nothing.
- What is here already is passed over; a file that brings nothing new is refused, and says so.
- Record and rows are one transaction; a certificate that rides along follows it, and may be carried in again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from audit import carried, gate, record
from audit.canonical import sha256_hex
from audit.carried import Answer
from audit.errors import SignatureRefused
from diffgram_home import attempts, bodies, counting, enrolment, exchange, hearing, judging, ledger, manifest, rules
from diffgram_home.carrying import IN, OUT, CarryError, alone
from diffgram_home.home import Home
from diffgram_home.judging import Verdict
from diffgram_home.models import ACCEPTED, REFUSED, SENT, VOIDED, Attempt, Batch, Carried
from diffgram_home.patience import SUBJECT


@dataclass(frozen=True, slots=True)
class Told:
    """One answer that was new: corporate's word about one batch; `detail` and `hint` say why it was not accepted."""

    case: str
    sequence: int
    sha256: str
    outcome: str
    code: str | None
    detail: str
    hint: str


@dataclass(frozen=True, slots=True)
class Taken:
    """What a file brought: new answers, how many were here already, the manifest's version and whether we renewed."""

    told: tuple[Told, ...]
    known: int
    manifest: int | None
    renewed: bool


@dataclass(frozen=True, slots=True)
class _Word:
    """One answer, and the attempt by hand that it is the answer to."""

    answer: Answer
    attempt: int
    verdict: Verdict


def carry_in(home: Home, data: bytes, actor: str, now: datetime) -> Taken:
    """Take in the file of answers `data` for `actor`.

    Raises CarriedRefused and SignatureRefused for a file that is not what it should be, CarryError for one that is not
    for this installation, answers nothing that was carried out of here, or brings nothing new; StoreError.
    """
    back = carried.read_in(data, lambda claimed: keys(home, claimed))
    if back.enrolment is not None:
        hint = "run 'diffgram-home enrol --in FILE'"
        raise CarryError("enrolment-file", "this file answers a request for enrolment", hint)
    with alone(home):
        attempts.close_interrupted(home, now)
        with home.store.read() as session:
            words = _words(home, session, back)
            new = [word for word in words if not _is_known(session, word)]
        version = newer(home, back, now)
        fresh = next((w.verdict.certificate for w in words if w.verdict.certificate is not None), None)
        if version is not None:
            manifest.keep(home, back.manifest, manifest.read(back.manifest, home.settings.corporate.root))
        if new or version is not None:
            _write_down(home, new, back, data, version, actor, now)
        renewed = fresh is not None and _renew(home, fresh, now)
    asked = [_hear(home, word.verdict.instructions, now) for word in words if word.verdict.instructions is not None]
    if not new and version is None and not renewed and not any(asked):
        raise CarryError("answers-known", "every answer in this file is here already", "nothing to do")
    return Taken(tuple(map(_told, new)), len(words) - len(new), version, renewed)


def keys(home: Home, claimed: carried.In) -> Mapping[str, Ed25519PublicKey]:
    """Corporate's keys for receipts: of every manifest here, and of the one in the file unless it is older.

    Raises SignatureRefused for a manifest that the pinned root did not sign, CarryError for another's file.
    """
    if claimed.installation != home.installation:
        text = f"this file is for the installation '{claimed.installation}', which is another one"
        raise CarryError("other-installation", text, f"ask corporate for the file for '{home.installation}'")
    brought = manifest.read(claimed.manifest, home.settings.corporate.root)
    ours = manifest.keys_ever(home, manifest.RECEIPTS) or {}
    return ours if brought.version < manifest.version_here(home) else {**ours, **brought.of(manifest.RECEIPTS)}


def newer(home: Home, back: carried.In, now: datetime) -> int | None:
    """The version of the manifest in the file, if it is newer than what is here, and current."""
    brought = manifest.read(back.manifest, home.settings.corporate.root)
    return brought.version if brought.version > manifest.version_here(home) and brought.expires_at > now else None


def _words(home: Home, session: Session, back: carried.In) -> list[_Word]:
    """Every answer with its attempt and its meaning; raises unless each one holds."""
    files = select(Carried.id).where(Carried.direction == OUT, Carried.sha256 == back.file)
    if session.scalar(files.limit(1)) is None:
        hint = "was it answered for a copy of this installation, or was a backup restored? ask corporate"
        raise CarryError("file-unknown", "this answers a file that was not carried out of here", hint)
    trusted = keys(home, back)
    return [_word(session, answer, trusted) for answer in back.answers]


def _word(session: Session, answer: Answer, trusted: Mapping[str, Ed25519PublicKey]) -> _Word:
    attempt = _attempt(session, answer)
    body = None if attempt is None else bodies.get(session, answer.sha256)
    if attempt is None or body is None:
        text = f"nothing with these bytes was carried out as number {answer.sequence} of case '{answer.case}'"
        raise CarryError("answer-unknown", text, "ask corporate which file it answered")
    told = exchange.Answer(answer.status, msgspec.json.encode(answer.answer), None)
    verdict = judging.of_answer(told, gate.header_of(body, rules.CODEC)[0], answer.sha256, trusted)
    if answer.status == 200 and verdict.outcome != ACCEPTED:
        raise SignatureRefused(verdict.code or "receipt-malformed", verdict.detail, verdict.hint)
    return _Word(answer, attempt.id, verdict)


def _attempt(session: Session, answer: Answer) -> Attempt | None:
    """The last attempt by hand of these bytes."""
    wanted = (
        select(Attempt)
        .join(Batch, Batch.id == Attempt.batch_id)
        .where(Batch.case == answer.case, Batch.sequence == answer.sequence)
        .where(Attempt.sha256 == answer.sha256, Attempt.destination == attempts.BY_HAND)
    )
    return session.scalars(wanted.order_by(Attempt.id.desc()).limit(1)).first()


def _is_known(session: Session, word: _Word) -> bool:
    """Whether this changes nothing: the number is done, or the same was said before."""
    attempt, verdict = session.get_one(Attempt, word.attempt), word.verdict
    batch = session.get_one(Batch, attempt.batch_id)
    if batch.state in (SENT, VOIDED) or attempt.outcome == ACCEPTED:
        return True
    if verdict.outcome == ACCEPTED:
        return False
    said = (attempt.outcome, attempt.code, attempt.status)
    return batch.state == REFUSED or said == (verdict.outcome, verdict.code, verdict.status)


def _write_down(
    home: Home, new: list[_Word], back: carried.In, data: bytes, version: int | None, actor: str, now: datetime
) -> None:
    """The file, then each answer, in one transaction."""
    sha256 = sha256_hex(data)
    entry = record.CarriedIn(
        actor=actor,
        answers=len(new),
        at=record.instant(now),
        manifest=version,
        sha256=sha256,
        size_bytes=len(data),
    )
    row = Carried(direction=IN, at=now, actor=actor, sha256=sha256, size_bytes=len(data))
    row.listed = msgspec.json.encode([(w.answer.case, w.answer.sequence, w.answer.sha256) for w in new]).decode()
    with home.store.write() as session:
        row.leaf = ledger.append(session, entry)
        session.add(row)
        for word in new:
            _answer(home, session, word, now)
        out = update(Carried).where(Carried.direction == OUT, Carried.sha256 == back.file)
        session.execute(out.where(Carried.answered_at.is_(None)).values(answered_at=now))


def _answer(home: Home, session: Session, word: _Word, now: datetime) -> None:
    verdict = word.verdict
    attempts.answer_by_hand(
        home,
        session,
        session.get_one(Attempt, word.attempt),
        outcome=verdict.outcome,
        now=now,
        code=verdict.code,
        status=word.answer.status,
        detail="; ".join(filter(None, (verdict.detail, verdict.hint))) or None,
        receipt=verdict.receipt,
        final=verdict.final,
        already=verdict.already,
    )


def _renew(home: Home, pem: Any, now: datetime) -> bool:
    """Take the certificate that rode along; one that cannot be used is told, and the old one stays."""
    try:
        return enrolment.renew(home, None, pem, now)
    except SignatureRefused as error:
        with home.store.write() as session:
            counting.notice(session, now, error.code, SUBJECT, str(error.args[0]), error.hint)
        return False


def _hear(home: Home, said: Any, now: datetime) -> bool:
    """Take what corporate asks beside a receipt; the keys are those of the manifest in force."""
    return hearing.hear(home, said, lambda _: manifest.stored(home, now).of(manifest.INSTRUCTIONS), now)


def _told(word: _Word) -> Told:
    answer, verdict = word.answer, word.verdict
    said = (verdict.outcome, verdict.code, verdict.detail, verdict.hint)
    return Told(answer.case, answer.sequence, answer.sha256, *said)
