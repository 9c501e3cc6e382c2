"""Forwards one alert to a Sentry-compatible server, as an event in an envelope.

Leaves to others: what and when (sending), the connection (webhook). Rules: the event is made of the issue's newest
error as the gate passed it (types, places, words of the vendor's source, shapes), the release, and the issue's own
number and title; who it happened at, in any form, is not in it. Its id is made of the alert's mark, so that a
delivery which comes twice is one event there. The key goes in one header, and nowhere else.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from audit.canonical import sha256_hex
from audit.types import NO_PLACE
from corporate.alerting import webhook
from corporate.alerting.settings import Forward
from corporate.alerting.webhook import Went
from corporate.database import EVERYBODY, Store
from corporate.issues.following import error_of
from corporate.models import Alert, Batch, Customer, IssueGroup, IssuePart, Message, Sighting

CLIENT = "diffgram-corporate/1"
MEDIA_TYPE = "application/x-sentry-envelope"


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest error of an issue: when, in which release, and what is left of it."""

    at: datetime
    release: str
    error_log: Mapping[str, Any]


def of_these(session: Session, forward: Forward, issue: int) -> bool:
    """Whether any of the customers that are forwarded shows this issue."""
    wanted = select(IssuePart.id).join(IssueGroup, IssueGroup.id == IssuePart.group_id)
    return session.scalar(wanted.where(IssueGroup.issue_id == issue, *_customers(forward)).limit(1)) is not None


def newest(store: Store, forward: Forward, issue: int) -> Newest | None:
    """The newest error of the issue, of the customers that are forwarded; None if there is none any more."""
    same = (Message.batch_id == Sighting.batch_id) & (Message.position == Sighting.position)
    wanted = (
        select(Sighting.at, IssuePart.release, Message.line)
        .join(IssuePart, IssuePart.id == Sighting.part_id)
        .join(IssueGroup, IssueGroup.id == IssuePart.group_id)
        .join(Message, same)
        .join(Batch, Batch.id == Sighting.batch_id)
        .where(IssueGroup.issue_id == issue, *_customers(forward))
        .order_by(Sighting.at.desc(), Sighting.batch_id.desc(), Sighting.position.desc())
    )
    with store.reading(EVERYBODY) as session:
        row = session.execute(wanted.limit(1)).first()
    error_log = error_of(msgspec.json.decode(row.line)) if row is not None else None
    return Newest(row.at, row.release, error_log) if row is not None and error_log is not None else None


def body(alert: Alert, found: Newest | None, link: str | None, now: datetime) -> bytes:
    """The envelope: three lines of JSON, the last is the event. Without an error it is a test, and says only that."""
    made: dict[str, Any] = {"event_id": sha256_hex(f"diffgram {alert.mark}".encode())[:32], "level": "error"}
    tags = {"diffgram.rule": alert.rule, **({"diffgram.issue": str(alert.issue_id)} if alert.issue_id else {})}
    made |= {"tags": tags | ({"diffgram.link": link} if link else {}), "sdk": {"name": "diffgram", "version": "1"}}
    if found is None:
        made |= {"timestamp": alert.at.timestamp(), "platform": "other", "level": "info", "logentry": {}}
        made["logentry"] = {"formatted": "This is a test: issues are forwarded here."}
    else:
        made |= {"timestamp": found.at.timestamp(), "release": found.release.replace(" ", "@"), **_error(found)}
        made |= {"transaction": alert.culprit, "fingerprint": ["diffgram", str(alert.issue_id)]}
    content = json.dumps(made, separators=(",", ":"), sort_keys=True).encode()
    head = {"event_id": made["event_id"], "sent_at": now.strftime("%Y-%m-%dT%H:%M:%SZ")}
    lines = (json.dumps(head).encode(), json.dumps({"type": "event", "length": len(content)}).encode(), content)
    return b"\n".join(lines) + b"\n"


def post(forward: Forward, key: str, data: bytes) -> Went:
    """Post the envelope with the project's public key."""
    auth = f"Sentry sentry_version=7, sentry_client={CLIENT}, sentry_key={key}"
    return webhook.post_to(forward.url, forward.ca_file, {"Content-Type": MEDIA_TYPE, "X-Sentry-Auth": auth}, data)


def _customers(forward: Forward) -> tuple[Any, ...]:
    if not forward.customers:
        return ()
    return (IssuePart.customer_id.in_(select(Customer.id).where(Customer.name.in_(forward.customers))),)


def _error(found: Newest) -> dict[str, Any]:
    """Exceptions innermost first, as Sentry has them; the frames stand with the outermost."""
    frames = [_frame(*row[:2]) for row in found.error_log["frames"]]
    values = [_exception(link) for link in reversed(found.error_log["chain"])]
    if values and frames:
        values[-1]["stacktrace"] = {"frames": frames}
    is_script = any("colno" in frame for frame in frames)
    return {"platform": "javascript" if is_script else "python", "exception": {"values": values}}


def _exception(link: Mapping[str, Any]) -> dict[str, Any]:
    module, _, name = link["type"].rpartition(".")
    return {"type": name, "value": "".join(_said(link)), **({"module": module} if module else {})}


def _said(link: Mapping[str, Any]) -> Iterator[str]:
    """Words of the source with shapes between them, or the shapes alone."""
    arguments: Sequence[Any] = link.get("code_text", {}).get("arguments", [[[one]] for one in link["shapes"]])
    for number, argument in enumerate(arguments):
        yield ", " if number else ""
        yield from (part if isinstance(part, str) else f"<{part[0]}>" for part in argument)


def _frame(place: str, in_product: int) -> dict[str, Any]:
    first, _, rest = place.partition(":")
    middle, _, last = rest.rpartition(":")
    if place == NO_PLACE or not last.isdigit():
        return {"function": NO_PLACE, "in_app": bool(in_product)}
    if middle.isdigit():
        return {"filename": first, "lineno": int(middle), "colno": int(last), "in_app": bool(in_product)}
    return {"module": first, "function": middle, "lineno": int(last), "in_app": bool(in_product)}
