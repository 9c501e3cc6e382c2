"""Requests that are carried by hand: into a file beside the batches, and corporate's answers to them back.

What a request is, and how it is answered, is `requests`'; the files are `carrying`'s and `answering`'s. What holds at
the door holds here:

- `gate.check_request` runs on the exact bytes once more, and the leaf is durable before the file is complete.
- Its outcome is unknown until corporate's answers are carried in; a retry is the same bytes under a leaf of its own.
- A request goes whatever the cases' modes are: a person asked for it, and saw its bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import select
from sqlalchemy.orm import Session

from audit import carried, deletion, gate, record, signed
from audit.errors import Refused, SignatureRefused
from diffgram_home import deleting, exchange, judging, ledger, requests
from diffgram_home.errors import HomeError
from diffgram_home.home import Home
from diffgram_home.judging import Verdict
from diffgram_home.models import ACCEPTED, UNKNOWN, Request
from diffgram_home.requests import Answering, RequestError

_ANSWERING = {deletion.KIND: deleting.answering}


@dataclass(frozen=True, slots=True)
class Reply:
    """Corporate's answer to one request that was carried out of here: its number, and what the answer means."""

    document: carried.Document
    request: int
    verdict: Verdict


def waiting(home: Home) -> list[Request]:
    """Requests that corporate has not answered for good, oldest first."""
    with home.store.read() as session:
        return requests.waiting(session)


def checked(home: Home, row: Request) -> carried.Asked:
    """The exact bytes and their signature, as at the door. Raises Refused, RequestError."""
    with home.store.read() as session:
        body = requests.body(session, row)
    if body is None:
        raise RequestError("body-missing", "the bytes of the request are not there", "ask anew")
    asked = gate.check_request(body, home.catalogue)
    if (asked.kind, asked.installation) != (row.kind, home.installation):
        raise Refused("other-installation", row.kind, "the request names another installation", "ask anew")
    return carried.Asked(row.kind, body, signed.sign(body, home.keys.installation, signed.REQUEST, detached=True))


def begin(session: Session, row: Request, file: str, now: datetime) -> None:
    """Record that the request is about to be written into the file with the SHA-256 `file`."""
    entry = record.RequestByHand(
        actor=row.actor,
        at=record.instant(now),
        file=file,
        purpose=row.kind,
        sha256=row.sha256,
        size_bytes=row.size_bytes,
    )
    row.leaf = row.carried_leaf = ledger.append(session, entry)
    row.tries, row.under_way = row.tries + 1, True


def end(session: Session, numbers: Sequence[int], code: str, detail: str, now: datetime) -> None:
    """The file is written, or its writing broke off: nobody knows what arrives."""
    for number in numbers:
        row = session.get_one(Request, number)
        requests.finish(session, row, Verdict(UNKNOWN, code, detail=detail), now)


def reply(
    home: Home, session: Session, document: carried.Document, keys: Mapping[str, Ed25519PublicKey]
) -> Reply | None:
    """What an answer means; None for one to bytes that were never carried out of here.

    `keys` are corporate's for the purpose of this kind's documents (`purpose`). Raises SignatureRefused for a document
    that does not hold.
    """
    wanted = select(Request).where(Request.sha256 == document.sha256, Request.kind == document.kind)
    row = session.scalars(wanted).first()
    body = None if row is None else requests.body(session, row)
    if row is None or row.carried_leaf is None or body is None or document.kind not in _ANSWERING:
        return None
    answering = _answering(home, document.kind)
    told = exchange.Answer(document.status, msgspec.json.encode(document.answer), None)
    verdict = judging.of_document(told, lambda token: answering.read(token, keys, body))
    if document.status == 200 and verdict.outcome != ACCEPTED:
        raise SignatureRefused(verdict.code or "token-malformed", verdict.detail, verdict.hint)
    return Reply(document, row.id, verdict)


def purpose(home: Home, kind: str) -> str | None:
    """The purpose of the keys that sign the answers to this kind of request; None for one that is not known here."""
    return _answering(home, kind).purpose if kind in _ANSWERING else None


def is_known(session: Session, word: Reply) -> bool:
    """Whether this changes nothing: it was answered for good, or the same was said before."""
    row, verdict = session.get_one(Request, word.request), word.verdict
    if row.outcome == ACCEPTED or row.final:
        return True
    return (row.outcome, row.code, row.status) == (verdict.outcome, verdict.code, verdict.status)


def take(home: Home, session: Session, word: Reply, now: datetime) -> None:
    """Write an answer down, with its leaf and everything that follows from it; inside a write transaction."""
    row, verdict = session.get_one(Request, word.request), word.verdict
    entry = record.AnswerByHand(
        at=record.instant(now),
        code=verdict.code,
        document=verdict.receipt,
        outcome=verdict.outcome,  # type: ignore[arg-type]
        request=row.carried_leaf or 0,
        sha256=row.sha256,
        status=word.document.status,
    )
    requests.settle(session, row, verdict, ledger.append(session, entry), now)
    if verdict.outcome == ACCEPTED:
        _answering(home, row.kind).accepted(home, session, row, now)


def stands(session: Session, number: int, sha256: str) -> Request | None:
    """The request if it has this number and these bytes."""
    row = session.get(Request, number)
    return row if row is not None and row.sha256 == sha256 else None


def refusal(error: Refused | HomeError) -> tuple[str, str]:
    """Code and words of what kept a request here."""
    return error.code, str(error.args[0])


def _answering(home: Home, kind: str) -> Answering:
    return _ANSWERING[kind](home)
