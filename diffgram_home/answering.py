"""Takes in corporate's answers to what was carried out by hand.

The files' form is `audit.carried`'s, what an answer means judging.py's, as over a connection. Rules:

- Nothing of a file is used before all of it holds: corporate's manifest by the pinned root, the list by a key of that
  manifest, every receipt against the very bytes that were carried, and the file that it answers is one of ours.
- A newer manifest comes into force, so that keys may change while a file travels; an older one changes nothing.
- What is here already is passed over; a file that brings nothing new is refused, and says so.
- What rode on an answer is heard as over a connection: instructions, statements of deletion, incidents, conflicts, and
  the published list, whose entries came with the file.
- Record and rows are one transaction; a certificate that rides along follows it, and may be carried in again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from audit import carried, gate, record
from audit.canonical import sha256_hex
from audit.carried import Answer
from audit.catalogue import REQUEST
from audit.errors import SignatureRefused
from diffgram_home import (
    attempts,
    bodies,
    conflicts,
    counting,
    deleting,
    enrolment,
    exchange,
    hearing,
    judging,
    ledger,
    listing,
    manifest,
    requests,
    requests_by_hand,
    rules,
)
from diffgram_home.carrying import IN, OUT, CarryError, alone
from diffgram_home.home import Home
from diffgram_home.judging import Verdict
from diffgram_home.models import ACCEPTED, REFUSED, SENT, VOIDED, Attempt, Batch, Carried
from diffgram_home.patience import SUBJECT
from diffgram_home.requests_by_hand import Reply
from diffgram_home.sending import UNDECLARED


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
class Asked:
    """One answer that was new: corporate's word about one request, by its number here."""

    request: int
    kind: str
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
    asked: tuple[Asked, ...] = ()


@dataclass(frozen=True, slots=True)
class _Word:
    """One answer, and the attempt by hand that it is the answer to."""

    answer: Answer
    attempt: int
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class _New:
    """The answers of a file that are not here yet."""

    words: tuple[_Word, ...]
    replies: tuple[Reply, ...]

    @property
    def count(self) -> int:
        """How many."""
        return len(self.words) + len(self.replies)


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
        requests.close_interrupted(home, now)
        with home.store.read() as session:
            words = _words(home, session, back)
            replies = _replies(home, session, back)
            new = _New(
                tuple(word for word in words if not _is_known(session, word)),
                tuple(word for word in replies if not requests_by_hand.is_known(session, word)),
            )
        version = newer(home, back, now)
        fresh = next((w.verdict.certificate for w in words if w.verdict.certificate is not None), None)
        if version is not None:
            manifest.keep(home, back.manifest, manifest.read(back.manifest, home.settings.corporate.root))
        if new.count or version is not None:
            _write_down(home, new, back, data, version, actor, now)
        renewed = fresh is not None and _renew(home, fresh, now)
    heard = _hear(home, words, new, back, now)
    if not new.count and version is None and not renewed and not heard:
        raise CarryError("answers-known", "every answer in this file is here already", "nothing to do")
    known = len(words) + len(replies) - new.count
    return Taken(tuple(map(_told, new.words)), known, version, renewed, tuple(map(_asked, new.replies)))


def keys(home: Home, claimed: carried.In, purpose: str = manifest.RECEIPTS) -> Mapping[str, Ed25519PublicKey]:
    """Corporate's keys for a purpose: of every manifest here, and of the one in the file unless it is older.

    Raises SignatureRefused for a manifest that the pinned root did not sign, CarryError for another's file.
    """
    if claimed.installation != home.installation:
        text = f"this file is for the installation '{claimed.installation}', which is another one"
        raise CarryError("other-installation", text, f"ask corporate for the file for '{home.installation}'")
    brought = manifest.read(claimed.manifest, home.settings.corporate.root)
    ours = manifest.keys_ever(home, purpose) or {}
    return ours if brought.version < manifest.version_here(home) else {**ours, **brought.of(purpose)}


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


def _replies(home: Home, session: Session, back: carried.In) -> list[Reply]:
    """Every answer to a request, with its meaning; raises unless each one holds."""
    found = []
    for document in back.requests:
        purpose = requests_by_hand.purpose(home, document.kind)
        trusted = {} if purpose is None else keys(home, back, purpose)
        reply = requests_by_hand.reply(home, session, document, trusted)
        if reply is None:
            text = f"no request with the SHA-256 {document.sha256} was carried out of here"
            raise CarryError("answer-unknown", text, "ask corporate which file it answered")
        found.append(reply)
    return found


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
    home: Home, new: _New, back: carried.In, data: bytes, version: int | None, actor: str, now: datetime
) -> None:
    """The file, then each answer, in one transaction."""
    sha256 = sha256_hex(data)
    entry = record.CarriedIn(
        actor=actor,
        answers=new.count,
        at=record.instant(now),
        manifest=version,
        sha256=sha256,
        size_bytes=len(data),
    )
    row = Carried(direction=IN, at=now, actor=actor, sha256=sha256, size_bytes=len(data))
    listed = [(w.answer.case, w.answer.sequence, w.answer.sha256) for w in new.words]
    listed += [(REQUEST, word.request, word.document.sha256) for word in new.replies]
    row.listed = msgspec.json.encode(listed).decode()
    with home.store.write() as session:
        row.leaf = ledger.append(session, entry)
        session.add(row)
        for word in new.words:
            _answer(home, session, word, now)
        for reply in new.replies:
            requests_by_hand.take(home, session, reply, now)
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


def _hear(home: Home, words: Sequence[_Word], new: _New, back: carried.In, now: datetime) -> bool:
    """Listen to what rode on the answers; the keys are those of the manifest in force. True if something was new."""
    taken = [False]
    for said in dict.fromkeys(w.verdict.instructions for w in words if w.verdict.instructions is not None):
        taken.append(hearing.hear(home, said, partial(_keys, home, manifest.INSTRUCTIONS, now), now))
    for said in dict.fromkeys(w.verdict.deletion for w in words if w.verdict.deletion is not None):
        taken.append(deleting.hear(home, said, now))
    for said in dict.fromkeys(w.verdict.catalogues for w in words if w.verdict.catalogues is not None):
        fetch = partial(listing.carried, back.catalogues)
        taken.append(listing.hear(home, said, partial(_keys, home, manifest.CATALOGUES, now), fetch, now))
    for word in new.words:
        _hear_of_trouble(home, word, now)
    return any(taken)


def _hear_of_trouble(home: Home, word: _Word, now: datetime) -> None:
    """Conflicts and undeclared content, which corporate told in an answer that is new."""
    verdict, answer = word.verdict, word.answer
    if verdict.conflict is not None:
        with home.store.write() as session:
            conflicts.note(session, verdict.conflict, answer.case, answer.sequence, now)
    if verdict.code == UNDECLARED and verdict.status == 400:
        keys = partial(_keys, home, manifest.DELETIONS, now)
        said = {"case": answer.case, "sequence": answer.sequence, "sha256": answer.sha256}
        hearing.hear_of_undeclared(home, verdict, keys, now, **said)


def _keys(home: Home, purpose: str, now: datetime, _again: bool) -> Mapping[str, Ed25519PublicKey]:
    """Corporate's keys as they are here: there is nowhere to fetch newer ones from."""
    return manifest.stored(home, now).of(purpose)


def _told(word: _Word) -> Told:
    answer, verdict = word.answer, word.verdict
    said = (verdict.outcome, verdict.code, verdict.detail, verdict.hint)
    return Told(answer.case, answer.sequence, answer.sha256, *said)


def _asked(word: Reply) -> Asked:
    verdict = word.verdict
    return Asked(word.request, word.document.kind, verdict.outcome, verdict.code, verdict.detail, verdict.hint)
