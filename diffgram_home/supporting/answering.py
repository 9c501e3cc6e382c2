"""Asks the routes of a grant, and seals what they say into batches of their own, which then wait to be read.

What may leave is the gate's to say, as for everything: fields that are not approved are left out, and counted. Rules: a
route that fails is told as failed, and none of its words leave; only routes that the grant names are asked at all.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy.orm import Session

from audit import record, support
from audit.errors import Refused
from audit.types import instant_text
from diffgram_home import counting, ledger, sealing
from diffgram_home.home import Home
from diffgram_home.models import SupportUse
from diffgram_home.sealing import Made
from diffgram_home.supporting import resources
from diffgram_home.supporting.keeping import CASE, SupportError
from support_routes import Routes

DECIDED, ROUTE = "home/support-decided", "home/support-route"
ANSWERED, EMPTY, FAILED, NOT_GRANTED = "answered", "empty", "failed", "not-granted"
FAILS = "support-route-fails"
_HEADER_BYTES = 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """What one route said: its position in the request, from 1, what became of it, and its messages."""

    position: int
    route: str
    outcome: str
    messages: tuple[dict[str, Any], ...]


def ask(
    home: Home, asked: support.Request, granted: Collection[str], now: datetime, routes: Routes
) -> tuple[Answer, ...]:
    """Ask the granted ones of the routes that were asked, each once; opens no transaction. Raises StoreError."""
    return tuple(
        _asked(home, position, name, name in granted, now, routes) for position, name in enumerate(asked.routes, 1)
    )


def seal(home: Home, session: Session, decided: dict[str, Any], answers: Sequence[Answer], now: datetime) -> list[Made]:
    """Seal a decision and its answers, in the order of the request. Raises SupportError where nothing may leave.

    What is too much for one batch goes in several, each of which begins with the decision.
    """
    messages = [message for one in answers for message in (route_message(one, now), *one.messages)]
    made: list[Made] = []
    try:
        for some in _parts(home, decided, messages):
            made += sealing.seal_apart(home, session, CASE, [decided, *some], now)
    except Refused as refused:
        raise SupportError("support-not-approved", str(refused.args[0]), refused.hint) from refused
    if not made:
        hint = "approve the fields of case 'support' under Fields, then decide again"
        raise SupportError("support-not-approved", "no field of the answer is approved, so nothing may leave", hint)
    return made


def note(
    session: Session, grant: support.Grant, answers: Sequence[Answer], made: Made, actor: str, now: datetime
) -> None:
    """A row and a leaf for each route that was asked."""
    for one in answers:
        if one.outcome == NOT_GRANTED:
            continue
        entry = record.SupportUse(
            actor=actor,
            at=record.instant(now),
            grant=grant.id,
            messages=len(one.messages),
            outcome=one.outcome,  # type: ignore[arg-type]
            request=grant.request,
            route=one.route,
            sequence=made.sequence,
            sha256=made.sha256,
        )
        leaf = ledger.append(session, entry)
        session.add(
            SupportUse(
                request_id=grant.request,
                at=now,
                route=one.route,
                outcome=one.outcome,
                messages=len(one.messages),
                batch_id=made.id,
                leaf=leaf,
            )
        )


def decided_message(
    request: str, decision: str, now: datetime, grant: support.Grant | None = None, why: str | None = None
) -> dict[str, Any]:
    """The message that tells a decision."""
    told: dict[str, Any] = {"kind": DECIDED, "at": instant_text(now, "second")}
    told["request"] = request
    told["decision"] = decision
    if grant is not None:
        told["grant"] = grant.id
        told["routes"] = len(grant.routes)
        told["ends_at"] = grant.ends_at
    if why is not None:
        told["why"] = why
    return told


def route_message(answer: Answer, now: datetime) -> dict[str, Any]:
    """The message that tells what became of a route."""
    return {
        "kind": ROUTE,
        "at": instant_text(now, "second"),
        "position": answer.position,
        "outcome": answer.outcome,
        "messages": len(answer.messages),
    }


def dated(values: dict[str, Any], now: datetime) -> dict[str, Any]:
    """A message of a route with its kind first and the time of the answer."""
    return {"kind": values["kind"], "at": instant_text(now, "second"), **values}


def _parts(home: Home, decided: dict[str, Any], messages: Sequence[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Messages so many together that a batch has room for them beside header and decision; one part at least."""
    sending = home.settings.sending
    empty = _HEADER_BYTES + _size(decided)
    parts: list[list[dict[str, Any]]] = [[]]
    size = empty
    for message in messages:
        own = _size(message)
        if parts[-1] and (len(parts[-1]) + 1 >= sending.batch_messages or size + own > sending.batch_bytes):
            parts.append([])
            size = empty
        parts[-1].append(message)
        size += own
    return parts


def _size(message: dict[str, Any]) -> int:
    return len(msgspec.json.encode(message)) + 1


def _asked(home: Home, position: int, name: str, granted: bool, now: datetime, routes: Routes) -> Answer:
    if not granted or name not in routes:
        return Answer(position, name, NOT_GRANTED, ())
    try:
        messages = tuple(dated(one, now) for one in routes[name].messages(resources.makers(home, now), now))
    except Exception as error:  # a product's route may raise anything; its words may hold values
        text = f"the support route '{name}' failed: {type(error).__name__}"
        with home.store.write() as session:
            counting.notice(session, now, FAILS, name, text, "tell whoever made the route; nothing of it left")
        return Answer(position, name, FAILED, ())
    return Answer(position, name, ANSWERED if messages else EMPTY, messages)
