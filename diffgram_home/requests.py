"""Requests to corporate that are no batches: a person's explicit act, shown before, recorded before, sent once.

    made (body, row) ─▶ request leaf ─▶ one POST ─▶ answer leaf: accepted with corporate's document │ rejected │ unknown

What a request asks and what the document must say is the caller's (`Answering`); what may leave is the gate's, the
connection the door's. Rules:

- The exact bytes and the leaf are durable before the socket opens. Killed after it, the next start finds the request
  without answer and calls it `unknown`. A retry is the same bytes under a leaf of its own; corporate does it once.
- Nothing here goes by itself: whoever calls `send` says that a person asked, or that contact is being made anyway.
- One sender at a time over all processes (`sending.lock`), as for batches.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import select
from sqlalchemy.orm import Session

from audit import gate, record
from audit.canonical import sha256_hex
from audit.errors import Refused, SignatureRefused
from diffgram_home import bodies, enrolment, exchange, judging, ledger, locks, mending
from diffgram_home.errors import HomeError
from diffgram_home.exchange import CERTIFICATE_NOT_ACCEPTED, DoorError
from diffgram_home.home import Home
from diffgram_home.judging import Verdict
from diffgram_home.manifest import Manifest
from diffgram_home.models import ACCEPTED, UNKNOWN, Request
from diffgram_home.outbound import Door

MOST_TRIES = 3
"""Tries within one `send`: once more without our certificate, once more with a fresh one."""

CARRY = "run 'diffgram-home carry out FOLDER', and bring the answers back with 'carry in FILE'"
Ring = Mapping[str, Ed25519PublicKey]


class RequestError(HomeError):
    """A request cannot be made or sent now."""


@dataclass(frozen=True, slots=True)
class Answering:
    """What answers one kind of request.

    purpose   the purpose of the key that signs the document
    read      given the document, the keys and the request's bytes; raises SignatureRefused when it does not hold
    accepted  called in the transaction that records the answer, with the row as it is then
    """

    purpose: str
    read: Callable[[str, Ring, bytes], Any]
    accepted: Callable[[Home, Session, Request, datetime], None]


def make(home: Home, session: Session, kind: str, values: Mapping[str, Any], now: datetime) -> bytes:
    """The exact bytes that a request would have now; nothing is kept. Raises Refused."""
    stood = ledger.standing(session)
    asked = gate.Request(kind, home.installation, now, stood.size, stood.root.hex(), values)
    return gate.make_request(asked, home.catalogue)


def keep(session: Session, kind: str, body: bytes, actor: str, now: datetime) -> Request:
    """Keep a request that `actor` decided on, to be sent; the same bytes are kept once. Inside a write transaction."""
    sha256 = sha256_hex(body)
    row = session.scalar(select(Request).where(Request.sha256 == sha256))
    if row is None:
        bodies.put(session, sha256, body, now)
        row = Request(kind=kind, actor=actor, at=now, sha256=sha256, size_bytes=len(body), tries=0, final=False)
        session.add(row)
        session.flush()
    return row


def body(session: Session, row: Request) -> bytes | None:
    """The exact bytes of a request, or None once they have gone by age."""
    return bodies.get(session, row.sha256)


def waiting(session: Session, kind: str | None = None) -> list[Request]:
    """Requests that corporate has not answered for good, oldest first."""
    wanted = select(Request).where(Request.outcome.is_distinct_from(ACCEPTED), Request.final.is_(False))
    chosen = wanted if kind is None else wanted.where(Request.kind == kind)
    return list(session.scalars(chosen.order_by(Request.id)))


def send(home: Home, door: Door, wanted: int, answering: Answering, now: datetime) -> Request:
    """Send the request with the id `wanted` now, and return its row with what became of it.

    One that was answered already is not sent again. Raises RequestError, and what fetching the manifest raises.
    """
    if home.settings.sending.by_hand:
        raise RequestError("by-hand", "everything is carried by hand here ([sending] by_hand)", CARRY)
    lock = home.settings.folder / "sending.lock"
    with locks.alone(lock, wait_s=home.settings.corporate.timeout_s) as alone:
        if not alone:
            raise RequestError("sending-busy", "another process is sending", "try again in a moment", retry=True)
        row, body = _held(home, wanted, now)
        if row.outcome == ACCEPTED or row.final:
            return row
        if not enrolment.is_enrolled(home):
            hint = "run 'diffgram-home enrol --token-file FILE'; nothing was ever sent from here"
            raise RequestError("not-enrolled", "this installation is not enrolled with corporate", hint)
        stated = _stated(home, door, answering.purpose, now)
        show: bool | None = None
        for _ in range(MOST_TRIES):
            verdict = _try(home, door, row.id, body, answering, stated, show, now)
            again, show = _cure(home, door, verdict, show, now)
            if not again:
                break
        with home.store.read() as session:
            return session.get_one(Request, row.id)


def close_interrupted(home: Home, now: datetime) -> None:
    """Requests whose process ended before the answer: nobody knows what arrived. Called while nobody sends."""
    with home.store.read() as session:
        wanted = select(Request.id).where(Request.under_way.is_(True))
        found = list(session.scalars(wanted))
    if not found:
        return
    verdict = Verdict(UNKNOWN, "interrupted", detail="the process ended before the answer", hint="ask again")
    with home.store.write() as session:
        for one in found:
            finish(session, session.get_one(Request, one), verdict, now)


def _held(home: Home, wanted: int, now: datetime) -> tuple[Request, bytes]:
    close_interrupted(home, now)
    with home.store.read() as session:
        row = session.get(Request, wanted)
        body = None if row is None else bodies.get(session, row.sha256)
    if row is None or body is None:
        raise RequestError("request-unknown", f"there is no request {wanted} whose bytes are here", "ask anew")
    return row, body


def _stated(home: Home, door: Door, purpose: str, now: datetime) -> Manifest:
    """The manifest; fetched again where it names no key for `purpose`, since corporate may be newer by now."""
    stated = mending.stated(home, door, now)
    if not stated.of(purpose):
        stated = enrolment.refresh(home, door, now)
    if not stated.of(purpose):
        text = f"corporate has no key for {purpose}: what it would answer could not be checked"
        raise RequestError("corporate-older", text, "ask the vendor to upgrade corporate; the request is kept")
    return stated


def _try(
    home: Home,
    door: Door,
    wanted: int,
    body: bytes,
    answering: Answering,
    stated: Manifest,
    show: bool | None,
    now: datetime,
) -> Verdict:
    with home.store.write() as session:
        row = session.get_one(Request, wanted)
        row.leaf = _begin(session, row, door.destination, now)
        row.tries, row.under_way = row.tries + 1, True
    verdict = _asked(home, door, body, answering, stated, show, now)
    with home.store.write() as session:
        row = session.get_one(Request, wanted)
        finish(session, row, verdict, now)
        if verdict.outcome == ACCEPTED:
            answering.accepted(home, session, row, now)
    return verdict


def _begin(session: Session, row: Request, destination: str, now: datetime) -> int:
    entry = record.Request(
        actor=row.actor,
        at=record.instant(now),
        destination=destination,
        purpose=row.kind,
        request=f"POST {exchange.REQUESTS[row.kind]}",
        sha256=row.sha256,
        size_bytes=row.size_bytes,
    )
    return ledger.append(session, entry)


def _asked(
    home: Home, door: Door, body: bytes, answering: Answering, stated: Manifest, show: bool | None, now: datetime
) -> Verdict:
    try:
        with exchange.nothing_left():
            who = enrolment.identity(home, now, show=show)
        answer = door.send_request(body, who, enrolment.trust(home, stated))
    except Refused as error:
        return judging.of_refusal(error)
    except DoorError as error:
        return judging.of_trouble(error)

    def read(token: str) -> Any:
        return answering.read(token, stated.of(answering.purpose), body)

    verdict = judging.of_document(answer, read)
    if verdict.code != judging.KEY_UNKNOWN:
        return verdict
    stated = enrolment.refresh(home, door, now)  # corporate may have changed its keys
    return judging.of_document(answer, read)


def _cure(home: Home, door: Door, verdict: Verdict, show: bool | None, now: datetime) -> tuple[bool, bool | None]:
    """Whether trying once more can help, and whether our certificate is shown then."""
    if verdict.outcome == ACCEPTED:
        return False, show
    if verdict.code == CERTIFICATE_NOT_ACCEPTED and show is not False:
        return True, False
    if verdict.code == mending.CERTIFICATE_REQUIRED and verdict.certificate is not None:
        try:
            return enrolment.renew(home, door, verdict.certificate, now), None
        except SignatureRefused:
            return False, show
    return False, show


def finish(session: Session, row: Request, verdict: Verdict, now: datetime) -> None:
    """Record how a try ended, and what that means for the request; inside a write transaction."""
    entry = record.Answer(
        at=record.instant(now),
        code=verdict.code,
        document=verdict.receipt,
        outcome=verdict.outcome,  # type: ignore[arg-type]
        request=row.leaf or 0,
        status=verdict.status,
    )
    settle(session, row, verdict, ledger.append(session, entry), now)


def settle(session: Session, row: Request, verdict: Verdict, leaf: int, now: datetime) -> None:
    """Move the request on by an answer whose leaf is in the ledger; inside a write transaction."""
    row.answer_leaf = leaf
    row.under_way, row.outcome, row.code, row.status = False, verdict.outcome, verdict.code, verdict.status
    row.detail = "; ".join(filter(None, (verdict.detail, verdict.hint))) or None
    row.document, row.answered_at, row.final = verdict.receipt, now, verdict.final
    session.flush()
