"""Reads one attempt in full, and the history of changes, from the ledger's own leaves (see `reading`)."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit import checkpoint, record
from audit.errors import RecordRefused
from diffgram_home import bodies, explaining, ledger, views
from diffgram_home._rows import attempt_line
from diffgram_home.attempts import CARRIED
from diffgram_home.home import Home
from diffgram_home.models import Attempt, Batch, Body, Leaf

CHANGES = (
    *(
        "consent",
        "decision",
        "allowance",
        "release",
        "mode",
        "switch",
        "transform",
        "policy",
        "person",
        "enrolment",
        "pruned",
    ),
    *("incident", "instruction", "identity", "published", "carried-out", "carried-in", "enrolment-by-hand"),
    *("asked", "deletion"),
    "mail",
    *("batch-decision", "approval-rule"),
    "dsn",
    *("support", "support-use"),
)
_SHOWN_AS = {
    "decision": "consent",
    "allowance": "consent",
    "switch": "field",
    "release": "catalogue",
    "asked": "request",
    "batch-decision": "batch",
    "approval-rule": "approval",
    "dsn": "key",
    "support-use": "support",
}
"""What a change is called to people, where that is not the name of its leaf."""
_CARRIED = "give the file to corporate, and take its answers in under By hand, or with 'diffgram-home carry in FILE'"
_HINTS: Mapping[str | None, str] = {
    "accepted": "corporate has signed for exactly these bytes; nothing is to be done",
    "rejected": "nothing was stored at corporate; the code says why, and Pending whether it is tried again",
    "unknown": "the bytes may have arrived; they are sent again, and corporate stores them once",
    None: "under way; if the process was killed, the next start records it as unknown",
}


def attempt(home: Home, attempt_id: int, *, lines: int = 200) -> views.AttemptPage | None:
    """One attempt in full, or None if there is none of this id."""
    with home.store.read() as session:
        row = session.get(Attempt, attempt_id)
        if row is None:
            return None
        batch = session.get_one(Batch, row.batch_id)
        stored = session.get(Body, row.sha256)
        exact = bodies.get(session, row.sha256)
        same_batch = select(Attempt).where(Attempt.batch_id == batch.id).order_by(Attempt.id)
        everyone = list(session.scalars(same_batch))
        return views.AttemptPage(
            line=attempt_line(row, batch.state),
            ended_at=row.ended_at,
            status=row.status,
            detail=row.detail,
            hint=_CARRIED if row.code == CARRIED else _HINTS[row.outcome],
            body=exact,
            pruned_at=stored.pruned_at if stored else None,
            lines=explaining.lines(exact or b"", home.catalogue, lines),
            lines_total=explaining.count(exact or b""),
            steps=_steps(session, batch, everyone),
            receipt=_receipt(row),
            inclusion=_inclusion(home, session, row.leaf if row.outcome_leaf is None else row.outcome_leaf),
            others=tuple(attempt_line(other, batch.state) for other in everyone if other.id != row.id),
        )


def history(home: Home, *, before: int | None = None, limit: int = 100) -> tuple[views.Change, ...]:
    """Who changed what, newest first, from ledger positions below `before`."""
    rows: list[Leaf] = []
    with home.store.read() as session:
        for kind in CHANGES:  # one index range each: a long ledger between two changes costs nothing
            wanted = select(Leaf).where(Leaf.type == kind).order_by(Leaf.position.desc()).limit(limit)
            rows += session.scalars(wanted if before is None else wanted.where(Leaf.position < before))
    rows.sort(key=lambda row: -row.position)
    return tuple(_change(row) for row in rows[:limit])


def _steps(session: Session, batch: Batch, everyone: list[Attempt]) -> tuple[views.Step, ...]:
    positions = [batch.leaf, batch.void_leaf]
    positions += [position for row in everyone for position in (row.leaf, row.outcome_leaf)]
    return tuple(_step(session, position) for position in sorted(p for p in positions if p is not None))


def _step(session: Session, position: int) -> views.Step:
    row = session.get_one(Leaf, position)
    digest = ledger.leaf_hash(session, position).hex()
    try:
        entry = record.parse(row.data)
    except RecordRefused as refused:
        return views.Step(row.type, row.at, f"this leaf is damaged: {refused}", position, digest, None, "")
    text = _STEP_TEXTS[row.type](entry)
    return views.Step(row.type, row.at, text, position, digest, getattr(entry, "sha256", None), row.data.decode())


_STEP_TEXTS: Mapping[str, Callable[[Any], str]] = {
    "sealed": lambda entry: f"sealed {entry.messages} messages as number {entry.sequence}",
    "void": lambda entry: f"number {entry.sequence} voided ({entry.reason}); a record without content takes its place",
    "attempt": lambda entry: f"recorded, then a connection to {entry.destination} was opened",
    "outcome": lambda entry: f"{entry.outcome}" + (f": {entry.code}" if entry.code else ""),
    "attempt-by-hand": lambda entry: f"recorded, then written into the file {entry.file}, to be carried by hand",
    "outcome-by-hand": lambda entry: f"answered, {entry.outcome}" + (f": {entry.code}" if entry.code else ""),
}


def _receipt(row: Attempt) -> views.Receipt | None:
    """The receipt as it was verified when it arrived; `verify` checks its signature again."""
    if row.receipt is None:
        return None
    parts = row.receipt.split(".")
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (IndexError, ValueError):
        claims = {}
    return views.Receipt(row.receipt, claims, claims.get("sha256") == row.sha256)


def _inclusion(home: Home, session: Session, position: int) -> views.Inclusion:
    """Against the oldest checkpoint that covers the leaf, or the ledger as it stands where none does yet."""
    signed = ledger.checkpoint_for(session, position)
    if signed is None:
        stood = ledger.standing(session)
        size, root, text = stood.size, stood.root, None
    else:
        verified = checkpoint.verify(signed.text, home.origin, home.keys.ledger.public_key())
        size, root, text = verified.size, verified.root, signed.text
    path = ledger.inclusion(session, position, size)
    leaf_hash = ledger.leaf_hash(session, position).hex()
    return views.Inclusion(position, leaf_hash, size, root.hex(), tuple(step.hex() for step in path), text)


def _change(row: Leaf) -> views.Change:
    try:
        entry = record.parse(row.data)
    except RecordRefused as refused:
        return views.Change(row.at, "", "damaged", "", None, None, str(refused), row.position)
    at = datetime.strptime(entry.at, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    subject, before, after, detail = _CHANGE_TEXTS[row.type](entry)
    what = _SHOWN_AS.get(row.type, row.type)
    return views.Change(at, entry.actor, what, subject, before, after, detail, row.position)  # type: ignore[attr-defined]


def _of_consent(entry: record.Consent) -> tuple[str, str | None, str | None, str | None]:
    names = sorted(entry.fields)
    subject = names[0] if len(names) == 1 else f"{len(names)} fields"
    detail = f"as {entry.role}; {entry.authority}; " if entry.authority else f"as {entry.role}; "
    return subject, None, entry.decision, detail + ", ".join(names)


def _of_decision(entry: record.Decision) -> tuple[str, str | None, str | None, str | None]:
    names = sorted(entry.fields)
    subject = names[0] if len(names) == 1 else f"{len(names)} fields"
    told = [f"as {entry.role}", entry.authority, f"until {entry.expires}" if entry.expires else ""]
    told += ["by policy" if entry.source == "policy" else "", ", ".join(names)]
    return subject, None, entry.decision, "; ".join(filter(None, told))


def _of_allowance(entry: record.Allowance) -> tuple[str, str | None, str | None, str | None]:
    count = len(entry.definitions)
    subject = "1 definition" if count == 1 else f"{count} definitions"
    told = f"as {entry.role}; {entry.authority}; {', '.join(digest[:12] for digest in entry.definitions)}"
    return subject, None, "approved beforehand", told


def _of_release(entry: record.Release) -> tuple[str, str | None, str | None, str | None]:
    asks = f"asks for a decision about: {', '.join(sorted(entry.asks))}" if entry.asks else "asks for nothing"
    return "catalogue", entry.from_[:12], entry.to[:12], asks


def _of_switch(entry: record.Switch) -> tuple[str, str | None, str | None, str | None]:
    return entry.field, entry.from_, entry.to, f"by {entry.source}"


def _of_transform(entry: record.Transform) -> tuple[str, str | None, str | None, str | None]:
    return entry.field, entry.from_ or "as it is", entry.to or "as it is", f"by {entry.source}"


def _of_policy(entry: record.Policy) -> tuple[str, str | None, str | None, str | None]:
    named = ", ".join(digest[:12] for digest in entry.allow or ()) or "none"
    return "on_material_change", entry.from_, entry.to, f"definitions that it names: {named}"


def _of_mode(entry: record.Mode) -> tuple[str, str | None, str | None, str | None]:
    return (
        entry.kind or entry.case,
        entry.from_,
        entry.to,
        f"by {entry.source}; generation {entry.generation} of its switch",
    )


def _of_person(entry: record.Person) -> tuple[str, str | None, str | None, str | None]:
    return entry.account, None, entry.change, entry.role


def _of_enrolment(entry: record.Enrolment) -> tuple[str, str | None, str | None, str | None]:
    return entry.destination, None, entry.step, entry.code


def _of_pruned(entry: record.Pruned) -> tuple[str, str | None, str | None, str | None]:
    return f"{entry.bodies} bodies", None, "let go by age", f"of leaves before {entry.before}"


def _of_incident(entry: record.Incident) -> tuple[str, str | None, str | None, str | None]:
    return f"noticed by {entry.source}", None, entry.step, f"{entry.incident}: {', '.join(sorted(entry.paths))}"


def _of_instruction(entry: record.Instruction) -> tuple[str, str | None, str | None, str | None]:
    if entry.document is None:
        return f"number {entry.number}", None, "over", f"your own settings hold again: {', '.join(entry.over or ())}"
    asks = _told_asks(entry.document)
    return f"number {entry.number}", None, "asked" if asks else "lifted", "; ".join(asks) or None


def _of_published(entry: record.Published) -> tuple[str, str | None, str | None, str | None]:
    if entry.code is not None:
        return "list of catalogues", None, "refused", f"the signed note is kept ({entry.code})"
    return "list of catalogues", None, f"{entry.size} entries", f"root {entry.root}"


def _of_mail(entry: record.Mail) -> tuple[str, str | None, str | None, str | None]:
    of = f"catalogue {entry.catalogue}" if entry.catalogue else "a test"
    return of, None, f"to {entry.destination}", f"{entry.about}; sha256 {entry.sha256}, {entry.size_bytes} bytes"


def _told_asks(document: str) -> list[str]:
    """What a document asks, as it was verified when it arrived."""
    try:
        claims = json.loads(base64.urlsafe_b64decode(document.split(".")[1] + "=="))
        return [f"{a['what']} {a['name']} {a['to']} until {a['until']} ({a['why']})" for a in claims["asks"]]
    except (ValueError, KeyError, TypeError):
        return []


def _of_identity(entry: record.Identity) -> tuple[str, str | None, str | None, str | None]:
    subject = entry.other or (f"{entry.case} {entry.sequence}" if entry.case else "this installation")
    return subject, None, entry.step, entry.code


def _of_carried_out(entry: record.CarriedOut) -> tuple[str, str | None, str | None, str | None]:
    return _batches(entry.batches) if entry.batches else "requests", None, "carried out", f"file {entry.sha256}"


def _of_carried_in(entry: record.CarriedIn) -> tuple[str, str | None, str | None, str | None]:
    keys = f"; manifest of keys {entry.manifest}" if entry.manifest else ""
    answers = "one answer" if entry.answers == 1 else f"{entry.answers} answers"
    return answers, None, "carried in", f"file {entry.sha256}{keys}"


def _of_enrolment_by_hand(entry: record.EnrolmentByHand) -> tuple[str, str | None, str | None, str | None]:
    return "by hand", None, entry.step, entry.code


def _of_asked(entry: record.Asked) -> tuple[str, str | None, str | None, str | None]:
    return entry.purpose, None, {"kept": "to be sent", "again": "asked again"}[entry.step], f"request {entry.sha256}"


def _of_deletion(_entry: record.Deletion) -> tuple[str, str | None, str | None, str | None]:
    return "corporate's statement", None, "taken in", None


def _of_batch_decision(entry: record.BatchDecision) -> tuple[str, str | None, str | None, str | None]:
    told = [f"as {entry.role}" if entry.role else "", entry.reason or "", entry.note or "", f"bytes {entry.sha256}"]
    return f"{entry.case} {entry.sequence}", None, entry.decision, "; ".join(filter(None, told))


def _of_approval_rule(entry: record.ApprovalRule) -> tuple[str, str | None, str | None, str | None]:
    told = {"set": "", "asked": "asked for; a second person has to agree", "kept": "stays; it was asked for no more"}
    detail = "; ".join(filter(None, (told[entry.step], f"by {entry.source}", f"waits {entry.expires_h} hours")))
    return f"before sending {entry.case}", entry.from_, entry.to, detail


def _of_dsn(entry: record.Dsn) -> tuple[str, str | None, str | None, str | None]:
    return f"key of project {entry.number}", None, entry.change, None


def _of_support(entry: record.Support) -> tuple[str, str | None, str | None, str | None]:
    grant = f"grant {entry.grant}" if entry.grant else ""
    detail = "; ".join(filter(None, (f"as {entry.role}" if entry.role else "", entry.code or "", grant)))
    return f"request {entry.request}", None, entry.step, "; ".join(filter(None, (detail, " ".join(entry.routes))))


def _of_support_use(entry: record.SupportUse) -> tuple[str, str | None, str | None, str | None]:
    detail = f"{entry.messages} messages in support {entry.sequence}, bytes {entry.sha256}; grant {entry.grant}"
    return f"route {entry.route}", None, entry.outcome, detail


def _batches(number: int) -> str:
    return "one batch" if number == 1 else f"{number} batches"


_CHANGE_TEXTS: Mapping[str, Callable[[Any], tuple[str, str | None, str | None, str | None]]] = {
    "consent": _of_consent,
    "decision": _of_decision,
    "allowance": _of_allowance,
    "release": _of_release,
    "switch": _of_switch,
    "transform": _of_transform,
    "policy": _of_policy,
    "mode": _of_mode,
    "person": _of_person,
    "enrolment": _of_enrolment,
    "pruned": _of_pruned,
    "incident": _of_incident,
    "instruction": _of_instruction,
    "identity": _of_identity,
    "carried-out": _of_carried_out,
    "carried-in": _of_carried_in,
    "enrolment-by-hand": _of_enrolment_by_hand,
    "published": _of_published,
    "asked": _of_asked,
    "deletion": _of_deletion,
    "mail": _of_mail,
    "batch-decision": _of_batch_decision,
    "approval-rule": _of_approval_rule,
    "dsn": _of_dsn,
    "support": _of_support,
    "support-use": _of_support_use,
}
