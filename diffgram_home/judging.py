"""What an answer of corporate's means for the batch that was sent. Pure: values in, a verdict out.

Three outcomes, and what each claims:

- accepted: corporate's signed receipt over these very bytes is in hand; nothing less counts.
- rejected: corporate does not have the bytes: they never left, or it said no (a 4xx).
- unknown:  everything else; corporate may have them (5xx, a redirect, a receipt that does not hold, half an answer).

Whether it helps to try again, and who is to blame, is said beside the outcome: a batch that is refused for good must
not hold up the others, a corporate that fails must not be asked for each batch in turn.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from audit import receipt
from audit.errors import Refused, SignatureRefused
from audit.gate import Header
from diffgram_home.exchange import Answer, DoorError, Unknown
from diffgram_home.models import ACCEPTED, REJECTED, UNKNOWN

BATCH, CORPORATE, GATE = "batch", "corporate", "gate"
"""Who is to blame for what was not accepted: these bytes, corporate and the way to it, or our own gate."""

KEY_UNKNOWN = "key-unknown"
"""The code of a receipt by a key that is not in our manifest: corporate may have changed its keys."""

_ELSEWHERE = "something other than corporate may be answering; look at [corporate] url and any proxy"
_CODE = re.compile(r"[a-z0-9-]{1,60}")
_FOR_GOOD = frozenset({400, 409, 413, 415, 422})  # the same bytes would get the same answer
_WITHOUT_REASON = frozenset({413})  # also when something on the way says it, which does not speak corporate's JSON


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one attempt.

    `final`: the same bytes would be refused again. `retry_after_s`: corporate asks to wait so many seconds.
    `certificate`, `instructions`, `catalogues`, `incident`, `undeclared`, `deletion`, `support`: what rode on the
    answer, unchecked.
    `conflict`: the code of a contradiction that corporate saw; it only tells. `receipt`, `already`: of a
    receipt that holds.
    """

    outcome: str
    code: str | None = None
    status: int | None = None
    detail: str = ""
    hint: str = ""
    blame: str | None = None
    final: bool = False
    receipt: str | None = None
    already: str | None = None
    retry_after_s: float | None = None
    certificate: Any = None
    instructions: Any = None
    incident: Any = None
    undeclared: Any = None
    conflict: str | None = None
    catalogues: Any = None
    deletion: Any = None
    support: Any = None


def of_answer(answer: Answer, header: Header, sha256: str, receipt_keys: Mapping[str, Ed25519PublicKey]) -> Verdict:
    """The verdict on an answer to the body with this header and hash."""
    told = told_by(answer)
    if answer.status == 200:
        return _of_receipt(told, header, sha256, receipt_keys)
    verdict = _of_no(answer, told)
    # A void that is refused stays: its number must not stay a hole at corporate.
    return replace(verdict, final=verdict.final and header.void is None)


def of_document(answer: Answer, read: Callable[[str], Any]) -> Verdict:
    """The verdict on an answer to a request; `read` raises SignatureRefused for a document that does not hold."""
    told = told_by(answer)
    if answer.status != 200:
        return _of_no(answer, told)
    token = told.get("document")
    if not isinstance(token, str):
        return Verdict(UNKNOWN, "no-document", 200, "the answer holds no document", _ELSEWHERE, CORPORATE)
    try:
        read(token)
    except SignatureRefused as error:
        return Verdict(UNKNOWN, error.code, 200, str(error.args[0]), error.hint, CORPORATE)
    return Verdict(ACCEPTED, status=200, receipt=token, certificate=told.get("certificate"))


def _of_no(answer: Answer, told: Mapping[str, Any]) -> Verdict:
    """The verdict on an answer that is not 200, to a batch or a request."""
    code = code_of(told)
    verdict = Verdict(
        outcome=REJECTED if 400 <= answer.status < 500 else UNKNOWN,
        code=code or f"status-{answer.status}",
        status=answer.status,
        detail=_detail(answer.status, told),
        hint=plain(told.get("hint")) or _hint(answer.status),
        blame=CORPORATE,
        retry_after_s=answer.retry_after_s,
        certificate=told.get("certificate"),
        incident=told.get("incident"),
        undeclared=told.get("undeclared"),
        conflict=code if code == "sequence-differs" else None,
    )
    if answer.status in (401, 403, 429) or not 400 <= answer.status < 500:
        return verdict
    if _is_for_good(answer.status, code, told):
        return replace(verdict, blame=BATCH, final=True)
    return replace(verdict, blame=BATCH) if code and told.get("retry") is True else verdict


def of_trouble(error: DoorError) -> Verdict:
    """The verdict when no answer came."""
    outcome = UNKNOWN if isinstance(error, Unknown) else REJECTED
    return Verdict(outcome, error.code, detail=str(error.args[0]), hint=error.hint, blame=CORPORATE)


def of_refusal(error: Refused) -> Verdict:
    """The verdict when our own gate let nothing out."""
    return Verdict(REJECTED, error.code, detail=str(error.args[0]), hint=error.hint, blame=GATE)


def told_by(answer: Answer) -> dict[str, Any]:
    """The JSON object in an answer, or an empty one."""
    try:
        value = msgspec.json.decode(answer.body)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def code_of(told: Mapping[str, Any]) -> str:
    """A code of corporate's, in the form that the ledger takes, or nothing."""
    code = told.get("code")
    return code if isinstance(code, str) and _CODE.fullmatch(code) else ""


def plain(text: Any, limit: int = 300) -> str:
    """Words of another machine, made safe to show: one line, printable, short."""
    return "".join(c if c.isprintable() else " " for c in text[:limit]) if isinstance(text, str) else ""


def _of_receipt(
    told: Mapping[str, Any], header: Header, sha256: str, receipt_keys: Mapping[str, Ed25519PublicKey]
) -> Verdict:
    token = told.get("receipt")
    if not isinstance(token, str):
        return Verdict(UNKNOWN, "no-receipt", 200, "the answer holds no receipt", _ELSEWHERE, CORPORATE)
    try:
        held = receipt.read(token, receipt_keys)
        receipt.matches(held, header, sha256)
    except SignatureRefused as error:
        return Verdict(UNKNOWN, error.code, 200, str(error.args[0]), error.hint, CORPORATE)
    return Verdict(
        ACCEPTED,
        status=200,
        receipt=token,
        already=held.already,
        certificate=told.get("certificate"),
        instructions=told.get("instructions"),
        conflict=code_of({"code": told.get("conflict")}) or None,
        catalogues=told.get("catalogues"),
        deletion=told.get("deletion"),
        support=told.get("support"),
    )


def _is_for_good(status: int, code: str, told: Mapping[str, Any]) -> bool:
    if status in _WITHOUT_REASON and not code:
        return True
    return status in _FOR_GOOD and bool(code) and told.get("retry") is not True


def _detail(status: int, told: Mapping[str, Any]) -> str:
    said = plain(told.get("message"))
    undeclared = told.get("undeclared")
    if isinstance(undeclared, dict) and undeclared:
        paths = ", ".join(plain(path, 100) for path in list(undeclared)[:10])
        said = f"{said}: {paths}" if said else paths
    return f"corporate answered {status}: {said}" if said else f"the answer was {status}"


def _hint(status: int) -> str:
    if 300 <= status < 400:
        return "redirects are not followed: a portal or proxy stands in between; correct [corporate] url or the network"
    if status == 413:
        return "the way to corporate takes no batch of this size: lower [sending] batch_bytes"
    if status == 429:
        return "nothing to do: it is tried again when corporate said"
    if status >= 500:
        return "nothing to do here: it is tried again; tell corporate if it lasts"
    return "look at [corporate] url and any proxy in between; ask corporate"
