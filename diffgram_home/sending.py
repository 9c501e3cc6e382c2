"""Sends what is sealed: one attempt after the other, each in the ledger before its socket opens.

What may leave is the gate's, the connection the door's, what an answer means judging.py's. Rules:

- The attempt and its exact bytes are durable before the door is asked; the outcome is a leaf of its own afterwards. No
  transaction is open in between. Killed there, the next start finds the attempt and calls it `unknown`.
- One sender at a time over all processes (`sending.lock`), so that an attempt without outcome has nobody left.
- Which batch is next is choosing.py's. While corporate itself fails it is asked with one batch at a time, ever more
  rarely (patience.py).
- Nothing is asked, and no name looked up, unless something may go in a case that is `on`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy.orm import Session

from audit import gate
from audit.errors import Refused, SignatureRefused
from diffgram_home import (
    attempts,
    bodies,
    choosing,
    conflicts,
    counting,
    deleting,
    egress,
    enrolment,
    hearing,
    judging,
    listing,
    locks,
    manifest,
    mending,
    patience,
    rules,
    sealing,
)
from diffgram_home.errors import HomeError, LedgerError
from diffgram_home.exchange import DoorError, nothing_left
from diffgram_home.home import Home
from diffgram_home.judging import Verdict
from diffgram_home.mending import Round
from diffgram_home.models import UNKNOWN, Attempt, Batch
from diffgram_home.outbound import Door
from diffgram_home.patience import SUBJECT
from diffgram_home.supporting import deciding
from diffgram_home.supporting import hearing as asking

LOCK = "sending.lock"
"""In the data folder: whoever makes attempts holds it, so that one without an outcome was interrupted."""
_CARRY = "run 'diffgram-home carry out FOLDER', and bring the answers back with 'carry in FILE'"
_ROUND_S = 30  # a round of the scheduler ends after so long, for modes and intake to have their turn
UNDECLARED = "undeclared"
"""Corporate's code for content that no catalogue declares."""

_PATIENCE = 3  # batches in a row that corporate cannot take yet, before the rest waits for the next time


class SendingError(HomeError):
    """Nothing can be sent now: not enrolled, somebody else is sending, or corporate asked to wait."""


@dataclass(frozen=True, slots=True)
class Sent:
    """One attempt that was made, and its outcome.

    `code`, `detail` and `hint` say why, unless it was accepted; `status` is None when no answer came; `blame` is one of
    judging's words.
    """

    case: str
    sequence: int
    sha256: str
    outcome: str
    code: str | None
    detail: str
    hint: str
    status: int | None
    blame: str | None


@dataclass(frozen=True, slots=True)
class Going:
    """An attempt that is durable and has no outcome yet: its row, its batch as it was then, and the exact bytes."""

    attempt: Attempt
    batch: Batch
    body: bytes


def open_door(home: Home) -> Door:
    """The door to the corporate in the settings."""
    corporate = home.settings.corporate
    return Door(
        corporate.url,
        registry=egress.reachable(home.settings),
        timeout_s=corporate.timeout_s,
        rules=lambda: rules.current(home),
        proxy=corporate.proxy,
    )


def send_due(
    home: Home,
    door: Door,
    now: datetime,
    *,
    force: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> list[Sent]:
    """Send what is due, and say what became of it.

    With `force` (a person asked) waiting times of our own are passed over, corporate's are not, and what prevents
    sending is raised: SendingError; and SignatureRefused, NotReached, Unknown or EnrolmentError when corporate's
    manifest, which is over, cannot be fetched again. Always raises StoreError.
    """
    if home.settings.sending.by_hand:
        return _cannot(force, "by-hand", "everything is carried by hand here ([sending] by_hand)", _CARRY)
    with locks.alone(home.settings.folder / LOCK, wait_s=home.settings.corporate.timeout_s if force else 0) as alone:
        if not alone:
            return _cannot(force, "sending-busy", "another process is sending", "try again in a moment")
        attempts.close_interrupted(home, now)
        deciding.attend(home, now)  # what a grant's end voids must not go in this round
        waiting = choosing.count(home)
        if not waiting or _must_wait(home, now, force):
            return []
        if not enrolment.is_enrolled(home):
            return _not_enrolled(home, now, force)
        clock = _clock(now)
        try:
            current = Round(home, door, clock, mending.stated(home, door, clock()))
        except (DoorError, HomeError, SignatureRefused) as error:
            _no_manifest(home, error, clock())
            if force:
                raise
            return []
        sent: list[Sent] = []
        with door.round():
            for one in _each(current, force):
                sent.append(one)
                if progress:
                    progress(len(sent), max(waiting, len(sent)))
        return sent


def _each(current: Round, force: bool) -> Iterator[Sent]:
    """Attempts until nothing is due, or corporate fails.

    The outcome of one attempt and the beginning of the next are one transaction where nothing comes between them.
    """
    refused_in_a_row, ends = 0, current.clock() + timedelta(seconds=_ROUND_S)
    going = _step(current, force, None)
    while going is not None:
        verdict = _asked(current, going)
        late = current.clock() > ends and not force
        if _is_plain(current, verdict) and not late and not current.door.is_stopping:
            done, going = going, _step(current, force, (going, verdict))
            refused_in_a_row = 0
            yield _sent(done.batch, verdict)
            continue
        _settle(current, going, verdict)
        yield _sent(going.batch, verdict)
        if verdict.blame == judging.CORPORATE and not mending.mended(current, going.batch, verdict):
            return
        refused_in_a_row = refused_in_a_row + 1 if verdict.blame == judging.BATCH and not verdict.final else 0
        if refused_in_a_row >= _PATIENCE or late or current.door.is_stopping:
            return
        going = _step(current, force, None)


def _is_plain(current: Round, verdict: Verdict) -> bool:
    """Whether nothing has to be done about it but to write it down."""
    known = (verdict.instructions, verdict.catalogues, verdict.support) == current.heard
    said = (verdict.blame, verdict.certificate, verdict.conflict, verdict.deletion)
    return known and all(word is None for word in said)


def _step(current: Round, force: bool, done: tuple[Going, Verdict] | None) -> Going | None:
    """In one transaction, durable when this returns: the outcome of the last attempt, and the next one's beginning."""
    if done is None and current.door.is_stopping:
        return None
    with current.home.store.write() as session:
        now = current.clock()
        if done is not None:
            _finish(current, session, *done, now)
        return _begin(current, session, force, now)


def _settle(current: Round, going: Going, verdict: Verdict) -> None:
    """The outcome in a transaction of its own, and what has to be done about it."""
    now = current.clock()
    with current.home.store.write() as session:
        _finish(current, session, going, verdict, now)
        if verdict.conflict is not None:
            conflicts.note(session, verdict.conflict, going.batch.case, going.batch.sequence, now)
    if verdict.blame == judging.GATE:
        sealing.void_refused(current.home, now)
    elif verdict.certificate is not None:
        mending.renew(current, verdict, now)
    _hear(current, going, verdict, now)


def _hear(current: Round, going: Going, verdict: Verdict, now: datetime) -> None:
    """Listen to what corporate says beside its receipt."""
    if verdict.deletion is not None:
        deleting.hear(current.home, verdict.deletion, now)
    if verdict.instructions is not None:
        hearing.hear(current.home, verdict.instructions, partial(_keys, current, manifest.INSTRUCTIONS), now)
    if verdict.support is not None:
        asking.hear(current.home, verdict.support, partial(_keys, current, manifest.SUPPORT), now)
    if verdict.catalogues is not None:
        keys = partial(_keys, current, manifest.CATALOGUES)
        listing.hear(current.home, verdict.catalogues, keys, partial(mending.fetch_entries, current), now)
    if verdict.code == UNDECLARED and verdict.status == 400:
        keys, batch = partial(_keys, current, manifest.DELETIONS), going.batch
        sent = {"case": batch.case, "sequence": batch.sequence, "sha256": batch.sha256}
        hearing.hear_of_undeclared(current.home, verdict, keys, now, **sent)
    if verdict.receipt is not None:
        current.heard = (verdict.instructions, verdict.catalogues, verdict.support)


def _keys(current: Round, purpose: str, again: bool) -> Mapping[str, Ed25519PublicKey]:
    return mending.keys_of(current, purpose, again=again)


def _sent(batch: Batch, verdict: Verdict) -> Sent:
    return Sent(
        batch.case,
        batch.sequence,
        batch.sha256,
        verdict.outcome,
        verdict.code,
        verdict.detail,
        verdict.hint,
        verdict.status,
        verdict.blame,
    )


def _begin(current: Round, session: Session, force: bool, now: datetime) -> Going | None:
    """The next attempt, with its bytes in hand; None when nothing is due. What cannot be tried is passed over."""
    while (batch := choosing.following(current, session, force, now)) is not None:
        current.tried.add(batch.id)  # one that was accepted does not wait any more; the set stays small
        body = _body(session, batch, now)
        if body is not None:
            return Going(attempts.begin(session, batch, current.door.destination, now), batch, body)
    return None


def _body(session: Session, batch: Batch, now: datetime) -> bytes | None:
    """The exact bytes; a body that is damaged or gone is told once and holds up nothing else."""
    try:
        body = bodies.get(session, batch.sha256)
        trouble = None if body is not None else ("body-missing", "its bytes are not there", "restore the last backup")
    except LedgerError as error:
        body, trouble = None, (error.code, str(error.args[0]), error.hint)
    if trouble:
        code, text, hint = trouble
        counting.notice(session, now, code, f"{batch.case} {batch.sequence}", text, hint)
        batch.next_try_at = now + patience.LONGEST_WAIT
    return body


def _asked(current: Round, going: Going) -> Verdict:
    """What the door brings back for these bytes; the manifest is fetched again, once, for a key that is not in it."""
    home, batch = current.home, going.batch
    now, trusted = current.clock(), enrolment.trust(home, current.stated)
    try:
        with nothing_left():
            who = enrolment.identity(home, now, show=current.show)
        answer = current.door.send_batch(going.body, batch.generation, who, trusted, now=now)
    except Refused as error:
        return judging.of_refusal(error)
    except DoorError as error:
        return judging.of_trouble(error)
    header, _, _ = gate.header_of(going.body, rules.CODEC)
    verdict = judging.of_answer(answer, header, batch.sha256, current.stated.of(manifest.RECEIPTS))
    if verdict.code == judging.KEY_UNKNOWN and mending.refetch(current, first=False):
        return judging.of_answer(answer, header, batch.sha256, current.stated.of(manifest.RECEIPTS))
    return verdict


def _finish(current: Round, session: Session, going: Going, verdict: Verdict, now: datetime) -> None:
    """The outcome with everything that follows from it."""
    home, every_s = current.home, current.home.settings.sending.every_s
    attempt, batch = going.attempt, session.get_one(Batch, going.batch.id)
    session.add(attempt)  # nobody else writes it while `sending.lock` is held
    retry_at = now + patience.wait(batch.tries, every_s)
    if verdict.blame == judging.CORPORATE:
        corporate_at = patience.fails(session, every_s, verdict, now)
        retry_at = max(retry_at, corporate_at) if verdict.retry_after_s is not None else retry_at
    elif verdict.blame is None or verdict.blame == judging.BATCH:
        patience.answers(session, now)
    attempts.finish(
        home,
        session,
        attempt,
        outcome=verdict.outcome,
        now=now,
        code=verdict.code,
        status=verdict.status,
        detail="; ".join(filter(None, (verdict.detail, verdict.hint))) or None,
        receipt=verdict.receipt,
        retry_at=retry_at,
        final=verdict.final,
        already=verdict.already,
    )
    if verdict.blame is None:
        current.tried.discard(batch.id)


def _must_wait(home: Home, now: datetime, force: bool) -> bool:
    with home.store.read() as session:
        was = patience.state(session)
    if not patience.is_waiting(was, now):
        return False
    if force and was.asked and was.not_before is not None:
        moment = was.not_before.strftime("%H:%M:%SZ")
        raise SendingError("asked-to-wait", f"corporate asked to wait until {moment}", "try again then", retry=True)
    return not force


def _no_manifest(home: Home, error: DoorError | HomeError | SignatureRefused, now: datetime) -> None:
    verdict = Verdict(UNKNOWN, error.code, detail=str(error.args[0]), hint=error.hint)
    with home.store.write() as session:
        patience.fails(session, home.settings.sending.every_s, verdict, now)


def _not_enrolled(home: Home, now: datetime, force: bool) -> list[Sent]:
    text, hint = "this installation is not enrolled with corporate", "run 'diffgram-home enrol --token-file FILE'"
    if not force:
        with home.store.write() as session:
            counting.notice(session, now, "not-enrolled", SUBJECT, text, hint)
    return _cannot(force, "not-enrolled", text, hint)


def _cannot(force: bool, code: str, text: str, hint: str) -> list[Sent]:
    if force:
        raise SendingError(code, text, hint, retry=True)
    return []


def _clock(now: datetime) -> Callable[[], datetime]:
    """The time as it passes from `now` on, whatever is done to the machine's clock meanwhile."""
    began = time.monotonic()
    return lambda: now + timedelta(seconds=time.monotonic() - began)
