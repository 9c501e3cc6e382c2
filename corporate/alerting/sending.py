"""Sends alerts that are due, one delivery after another, and notes how each went.

Leaves to others: what is worth telling (noticing), the ways out (webhook, mail). Rules: no transaction is open while a
receiver is spoken to; a delivery is taken for LEASE before it is tried, so that two processes do not try it at once and
one that was killed is tried again; the pauses between tries double, and after TRIES it is given up. A delivery can
arrive twice, never wrong: the alert's number tells. What is told names the vendor's code and counts, nobody's
installation.
"""

import json
import logging
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any

from sqlalchemy import select, update

from corporate.alerting import envelope, mail, noticing, webhook
from corporate.alerting import settings as alert_settings
from corporate.alerting.settings import Alerts
from corporate.alerting.webhook import Went
from corporate.database import EVERYBODY, Store
from corporate.errors import CorporateError
from corporate.models import Alert, AlertDelivery

_LOG = logging.getLogger(__name__)
WAITING, SENT, FAILED = noticing.WAITING, "sent", "failed"
TRIES = 9
LEASE = timedelta(minutes=2)
_FIRST_PAUSE = timedelta(seconds=30)
_LONGEST_PAUSE = timedelta(hours=2)
_WORDS = {
    noticing.NEW: "New issue",
    noticing.REGRESSED: "Regressed",
    noticing.AN_HOUR: "Many in an hour",
    noticing.INSTALLATIONS: "On many installations",
    noticing.MORE: "More alerts",
    noticing.TEST: "A test",
}


@dataclass(frozen=True, slots=True)
class Tried:
    """One delivery and how its last try ended."""

    way: str
    state: str
    code: str | None
    status: int | None


def send_due(
    store: Store, alerts: Alerts, name: str, now: datetime, environ: Mapping[str, str] = os.environ, most: int = 100
) -> list[Tried]:
    """Try what is due, at most so many; returns how each went."""
    done: list[Tried] = []
    while len(done) < most and (taken := _take(store, now)) is not None:
        delivery, alert = taken
        try:
            went = _try(store, alerts, name, delivery, alert, now, environ)
        except CorporateError as e:  # a key or a file that is missing: for the operator to mend
            _LOG.warning("alerts: %s", e.message)
            went = Went(e.code, again=True)
        done.append(_note(store, delivery, went, now))
    return done


def letter(alerts: Alerts, name: str, alert: Alert, to: str) -> EmailMessage:
    """The letter that tells `alert`."""
    made = EmailMessage()
    words = _WORDS.get(alert.rule, alert.rule)
    made["Subject"] = _plain(f"[{name}] {words}{f': {alert.title}' if alert.title else ''}")[:200]
    made["From"], made["To"], made["Date"] = alerts.mail.sender, to, format_datetime(alert.at)
    made["Message-ID"] = f"<alert-{alert.id}-{int(alert.at.timestamp())}@{alerts.mail.sender.rpartition('@')[2]}>"
    made["Auto-Submitted"] = "auto-generated"
    made.set_content(_text(alerts, alert))
    return made


def document(alerts: Alerts, name: str, alert: Alert) -> dict[str, Any]:
    """The JSON that tells `alert`."""
    found: dict[str, Any] = {"format": "diffgram-alert/1", "from": name, "alert": alert.id, "rule": alert.rule}
    found |= {"at": alert.at.strftime("%Y-%m-%dT%H:%M:%SZ"), "more": alert.more}
    if alert.issue_id is not None:
        keys = ("title", "culprit", "count", "installations")
        found["issue"] = {"id": alert.issue_id, **{key: getattr(alert, key) for key in keys}}
        found["issue"]["link"] = link(alerts, alert.issue_id)
    return found


def link(alerts: Alerts, issue: int) -> str | None:
    """The address of an issue's page; None where the settings do not say what this server is called."""
    return f"{alerts.address.rstrip('/')}/issues/{issue}" if alerts.address else None


def _text(alerts: Alerts, alert: Alert) -> str:
    if alert.rule == noticing.TEST:
        return "This is a test: alerts about issues arrive here.\n"
    if alert.rule == noticing.MORE:
        return f"And {alert.more} more, beyond the most that are told in an hour. See the page Alerts.\n"
    lines = [f"{_WORDS.get(alert.rule, alert.rule)}: {alert.title}", f"at {alert.culprit or 'no known place'}"]
    lines.append(f"{alert.count} times, on {alert.installations} installations")
    where = link(alerts, alert.issue_id or 0)
    return "\n".join(map(_plain, [*lines, *([where] if where else [])])) + "\n"


def _try(
    store: Store,
    alerts: Alerts,
    name: str,
    delivery: AlertDelivery,
    alert: Alert,
    now: datetime,
    environ: Mapping[str, str],
) -> Went:
    way, _, to = delivery.way.partition(" ")
    if delivery.way not in alerts.ways:
        return Went("not-in-settings")
    if way == "webhook":
        body = json.dumps(document(alerts, name, alert), separators=(",", ":")).encode()
        return webhook.post(alerts.webhook, alert_settings.webhook_key(environ), body, now)
    if way == alert_settings.SENTRY:
        return _forward(store, alerts, alert, now, environ)
    password = alert_settings.secret(environ, alert_settings.PASSWORD_VARIABLE)
    return mail.send(alerts.mail, password, letter(alerts, name, alert, to))


def _forward(store: Store, alerts: Alerts, alert: Alert, now: datetime, environ: Mapping[str, str]) -> Went:
    number = alert.issue_id
    found = None if number is None else envelope.newest(store, alerts.sentry, number)
    if number is not None and found is None:
        return Went("event-gone")  # deleted since: then it does not go
    data = envelope.body(alert, found, None if number is None else link(alerts, number), now)
    return envelope.post(alerts.sentry, alert_settings.sentry_key(environ), data)


def _take(store: Store, now: datetime) -> tuple[AlertDelivery, Alert] | None:
    due = AlertDelivery.state == WAITING, AlertDelivery.next_at <= now
    order = AlertDelivery.next_at, AlertDelivery.id
    with store.writing(EVERYBODY) as session:
        for number in session.scalars(select(AlertDelivery.id).where(*due).order_by(*order).limit(5)).all():
            taking = update(AlertDelivery).where(AlertDelivery.id == number, *due)
            taken = session.execute(taking.values(next_at=now + LEASE, tries=AlertDelivery.tries + 1))
            if taken.rowcount:
                row = session.get_one(AlertDelivery, number, populate_existing=True)
                return row, session.get_one(Alert, row.alert_id)
    return None


def _note(store: Store, delivery: AlertDelivery, went: Went, now: datetime) -> Tried:
    unsent = WAITING if went.again and delivery.tries < TRIES else FAILED
    state = SENT if went.code is None else unsent
    pause = min(_FIRST_PAUSE * 2 ** (delivery.tries - 1), _LONGEST_PAUSE)
    values = {
        "state": state,
        "code": went.code,
        "status": went.status,
        "ended_at": None if state == WAITING else now,
        "next_at": now + pause,
    }
    with store.writing(EVERYBODY) as session:
        session.execute(update(AlertDelivery).where(AlertDelivery.id == delivery.id).values(values))
    return Tried(delivery.way, state, went.code, went.status)


def _plain(text: str) -> str:
    """One line: nothing in a name can begin another header, or another line."""
    return "".join(c if c.isprintable() else "?" for c in text)


@dataclass(frozen=True, slots=True)
class Told:
    """One alert as it is shown, with how telling it went."""

    id: int
    rule: str
    at: datetime
    issue_id: int | None
    title: str
    culprit: str
    count: int
    installations: int
    more: int
    left_out: bool
    deliveries: tuple[Tried, ...]


def told(store: Store, limit: int = 100) -> list[Told]:
    """The newest alerts, newest first."""
    with store.reading(EVERYBODY) as session:
        rows = session.scalars(select(Alert).order_by(Alert.id.desc()).limit(limit)).all()
        wanted = select(AlertDelivery).where(AlertDelivery.alert_id.in_([row.id for row in rows]))
        tried: dict[int, list[Tried]] = {}
        for one in session.scalars(wanted.order_by(AlertDelivery.id)):
            tried.setdefault(one.alert_id, []).append(Tried(one.way, one.state, one.code, one.status))
    names = [name for name in Told.__dataclass_fields__ if name != "deliveries"]
    return [Told(**{n: getattr(row, n) for n in names}, deliveries=tuple(tried.get(row.id, ()))) for row in rows]


def try_now(store: Store, alerts: Alerts, name: str, now: datetime, environ: Mapping[str, str] = os.environ) -> Told:
    """Send a test by every way, now; returns it with how each went."""
    with store.writing(EVERYBODY) as session:
        mark = f"{noticing.TEST} {now.isoformat()}"
        row = Alert(mark=mark, rule=noticing.TEST, at=now, issue_id=None, title="", culprit="", count=0)
        row.installations, row.more, row.left_out, row.told_at = 0, 0, False, now
        session.add(row)
        session.flush()
        for way in alerts.ways:
            session.add(AlertDelivery(alert_id=row.id, way=way, state=WAITING, tries=0, next_at=now))
        number = row.id
    send_due(store, alerts, name, now, environ)
    return next(one for one in told(store) if one.id == number)


def as_json(one: Told) -> dict[str, Any]:
    """For a command."""
    return asdict(one)
