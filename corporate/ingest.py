"""One batch, from bytes to receipt.

The order is the rule: size and time (bodies) → number of lines → whose it claims to be → identity (certificate,
signature, revocation) → rate → the catalogue and index that the header names → `audit.gate.declared`, the code that the
installation ran → stored exactly once → receipt. Nothing of a refused batch is stored but a count.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from audit import gate
from audit.canonical import sha256_hex
from audit.errors import Refused, Undeclared
from corporate import enrolment, identity, incidents, instructing, keeping_out, limiting, storing, supporting, watching
from corporate.database import EVERYBODY
from corporate.errors import Answer
from corporate.identity import CertificateNeeded, Claimed, Sender
from corporate.keys import DELETIONS
from corporate.server import CODEC, Corporate

#: More messages than this in one batch are refused: decoded, each takes many times the memory of its line.
LARGEST_MESSAGES = 100_000


@dataclass(frozen=True, slots=True)
class Accepted:
    """The answer to a batch: the signed receipt; a certificate, what is asked, a conflict, what was deleted."""

    receipt: str
    certificate: str | None
    instructions: str | None
    conflict: str | None
    catalogues: str | None
    deletion: str | None
    support: list[str]

    def as_json(self) -> dict[str, Any]:
        """The JSON object, over a connection and in a file alike."""
        more = {
            "certificate": self.certificate,
            "instructions": self.instructions,
            "conflict": self.conflict,
            "catalogues": self.catalogues,
            "deletion": self.deletion,
            "support": self.support or None,
        }
        return {"receipt": self.receipt, **{name: value for name, value in more.items() if value is not None}}


def accept(
    server: Corporate,
    body: bytes,
    certificate: bytes | None,
    signature: str | None,
    now: datetime,
    *,
    by_hand: bool = False,
) -> Accepted:
    """Check, store and sign for `body`. Raises Answer for everything that is not accepted.

    `by_hand`: it came in a file that our own staff brought in, so the rate of requests is not asked about.
    """
    if body.count(b"\n") > LARGEST_MESSAGES + 1:
        raise Answer(413, "too-large", f"the batch has more than {LARGEST_MESSAGES} messages", "send fewer in a batch")
    try:
        header, catalogue, index = gate.header_of(body, CODEC)
    except Refused as e:
        raise _malformed(e) from e
    claimed = Claimed(header.installation, certificate, signature, body, by_hand=by_hand)
    sender = sender_of(server, claimed, now)
    if not by_hand:
        hold_to_rate(server, sender, now)
    try:
        declared = _declared(server, body, catalogue, index)
    except Answer as e:
        _count(server, sender, e, body, now)
        raise
    told = supporting.told(server.store, sender, declared) if _is_answer(declared) else None
    kinds = server.kinds(message["kind"] for message in declared.messages)
    arrived = storing.Arrived(sender, declared, body, signature or "", kinds)
    interval_us = 0 if by_hand else limiting.interval_us(server.settings.limits)
    stored = storing.store_batch(server.store, arrived, server.keys.receipts, interval_us, now)
    if stored.receipt is None:
        raise Answer(
            409, "sequence-differs", "other bytes were received under this number", "see whether two machines share it"
        )
    if told is not None:
        supporting.take(server.store, sender, told, sha256_hex(body), now)
    server.ring()
    asked = instructing.current(server.store, sender.installation, sender.customer, now)
    deleted = keeping_out.untold(server.store, sender.installation, sender.customer)
    wanted = supporting.current(server.store, sender.installation, sender.customer, now)
    said = (_renewed(server, sender, now), asked, stored.conflict, server.list_checkpoint(), deleted, wanted)
    return Accepted(stored.receipt, *said)


def _is_answer(declared: gate.Batch) -> bool:
    """Whether it claims to answer a request of support: every batch of that case but a void."""
    return declared.header.case == supporting.CASE and declared.header.void is None


def hold_to_rate(server: Corporate, sender: Sender, now: datetime) -> None:
    """Raise Answer 429 while the sender has to wait."""
    wait_s = limiting.wait_s(sender.next_at_us, server.settings.limits, now)
    if wait_s:
        raise Answer(429, "rate", "too many requests", "wait", retry=True, retry_after_s=wait_s)


def sender_of(server: Corporate, claimed: Claimed, now: datetime) -> Sender:
    """Who sent this. Raises Answer 401 or 403, with a fresh certificate where the last one expired."""
    try:
        with server.store.reading(EVERYBODY) as session:
            return identity.authenticate(session, claimed, now)
    except CertificateNeeded as e:
        more = {"certificate": _certificate(server, e.sender, now)} if e.expired else {}
        raise Answer(
            401,
            "certificate-required",
            "the connection shows no certificate that is good now",
            "connect with the certificate in this answer"
            if more
            else "connect with the certificate, or ask the vendor",
            retry=bool(more),
            more=more,
        ) from e


def _declared(server: Corporate, body: bytes, catalogue_hash: str, index_hash: str) -> gate.Batch:
    catalogue, index = server.catalogue(catalogue_hash), server.index(index_hash)
    if catalogue is None:
        raise Answer(404, "unknown-catalogue", "the catalogue is not known here", _ADD, retry=True)
    if index is None:
        raise Answer(404, "unknown-index", "the index is not known here", _ADD, retry=True)
    try:
        return gate.declared(body, catalogue, index, CODEC)
    except Undeclared as e:
        raise Answer(
            400,
            "undeclared",
            "the batch holds undeclared content; nothing of it was stored",
            e.hint,
            more={"undeclared": dict(e.findings)},
        ) from e
    except Refused as e:
        raise _malformed(e) from e


_ADD = "the vendor adds it with diffgram-corporate release add"


def _malformed(e: Refused) -> Answer:
    more = {"path": e.path} if e.path else {}
    return Answer(400, "malformed", str(e), e.hint, more=more)


def _count(server: Corporate, sender: Sender, answer: Answer, body: bytes, now: datetime) -> None:
    """Count what was refused; undeclared content is an incident besides, and the answer gets the statement of it."""
    paths: Mapping[str, int] = answer.more.get("undeclared") or {answer.more.get("path", ""): 1}
    with server.store.writing(sender.customer) as session:
        storing.seen(session, sender, limiting.interval_us(server.settings.limits), now)
        watching.count_refusals(server.store, session, sender, answer.code, paths, now)
        if answer.code != "undeclared":
            return
        key = server.keys.signing.get(DELETIONS)
        statement = incidents.arrived(session, sender, sha256_hex(body), paths, key, now)
    if statement is not None:
        answer.more["incident"] = statement


def _renewed(server: Corporate, sender: Sender, now: datetime) -> str | None:
    """A fresh certificate once half of the newest one's life is over: it rides on the receipt, nothing more is sent."""
    if now >= _half(sender):
        return _certificate(server, sender, now)
    # The answer with the newest may have been lost on the way: it goes along until it is used.
    behind = sender.presented is not None and sender.presented.id != sender.newest.id
    return sender.newest.pem if behind else None


def _half(sender: Sender) -> datetime:
    life: timedelta = sender.newest.not_after - sender.newest.not_before
    return sender.newest.not_before + life / 2


def _certificate(server: Corporate, sender: Sender, now: datetime) -> str:
    """The newest certificate if it is still in the first half of its life, otherwise a new one."""
    if now < _half(sender):
        return sender.newest.pem
    with server.store.writing(sender.customer) as session:
        return enrolment.issue(server, session, sender.installation, sender.customer, sender.key, now)
