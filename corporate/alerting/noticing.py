"""What is worth telling about issues: by rules, once each, and at most so many an hour.

Leaves to others: sending (sending), issues and their history (corporate.issues). Rules: an alert has a mark that only
one alert can have, so that two servers over one database notice a thing once; nothing older than LATEST is told, so
that switching alerts on, or a long stop, floods nobody. Beyond the most an hour alerts are kept and not told; the next
one that is says how many more there were.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from corporate.alerting import envelope
from corporate.alerting.settings import SENTRY, Alerts
from corporate.database import EVERYBODY, Store
from corporate.models import Alert, AlertCursor, AlertDelivery, Issue, IssueAct, IssueGroup, IssueHour, IssuePart

NEW, REGRESSED, AN_HOUR, INSTALLATIONS, MORE, TEST = "new", "regressed", "an-hour", "installations", "more", "test"
WAITING = "waiting"
LATEST = timedelta(hours=24)
_HOUR = timedelta(hours=1)
_ACTS = {"opened": NEW, "regressed": REGRESSED}
_AT_A_TIME = 500
_IGNORED = "ignored"


@dataclass(frozen=True, slots=True)
class Noticed:
    """Something to tell; `mark` makes it one of its kind."""

    rule: str
    mark: str
    issue_id: int | None = None
    title: str = ""
    culprit: str = ""
    count: int = 0
    installations: int = 0
    more: int = 0


def notice(store: Store, alerts: Alerts, now: datetime) -> int:
    """Look at what is new, and keep an alert for each thing to tell; returns how many are new."""
    with store.writing(EVERYBODY) as session:
        store.alone(session, AlertCursor)
        found = [*_from_history(session, alerts, now), *_too_many(session, alerts, now)]
        return keep(session, found, alerts, now)


def keep(session: Session, found: list[Noticed], alerts: Alerts, now: datetime) -> int:
    """Keep what was noticed, with a delivery for each way while there is room in this hour."""
    told = select(func.count()).select_from(Alert).where(Alert.at > now - _HOUR, Alert.left_out.is_(False))
    room = alerts.most_an_hour - (session.scalar(told) or 0)
    made = 0
    untold = [Alert.left_out.is_(True), Alert.told_at.is_(None)]
    for one in found:
        session.flush()
        known = session.scalar(select(Alert.id).where(Alert.mark == one.mark))
        if known is None:
            _add(session, one, alerts, now, left_out=room <= 0)
            room, made = room - 1, made + 1
    behind = session.scalar(select(func.count()).select_from(Alert).where(*untold)) or 0
    if behind and room > 0:
        last = session.scalar(select(func.max(Alert.id)).where(*untold))
        session.execute(update(Alert).where(*untold).values(told_at=now))
        _add(session, Noticed(MORE, f"{MORE} {last}", more=int(behind)), alerts, now, left_out=False)
    return made


def _add(session: Session, one: Noticed, alerts: Alerts, now: datetime, *, left_out: bool) -> None:
    row = Alert(
        mark=one.mark,
        rule=one.rule,
        at=now,
        issue_id=one.issue_id,
        title=one.title,
        culprit=one.culprit,
        count=one.count,
        installations=one.installations,
        more=one.more,
        left_out=left_out,
        told_at=None if left_out else now,
    )
    session.add(row)
    session.flush()
    for way in () if left_out else alerts.ways:
        if way == SENTRY and not (one.issue_id and envelope.of_these(session, alerts.sentry, one.issue_id)):
            continue  # it has no issue, or one that nobody shows whose issues are forwarded
        session.add(AlertDelivery(alert_id=row.id, way=way, state=WAITING, tries=0, next_at=now))


def _from_history(session: Session, alerts: Alerts, now: datetime) -> Iterator[Noticed]:
    """New and regressed issues, by what their history says beyond where it was looked at last."""
    cursor = session.get(AlertCursor, 1)
    newest = session.scalar(select(func.max(IssueAct.id))) or 0
    if cursor is None:
        session.add(AlertCursor(id=1, issue_act=newest))  # what was there before alerts were is no news
        return
    wanted = select(IssueAct, Issue).join(Issue, Issue.id == IssueAct.issue_id)
    wanted = wanted.where(IssueAct.id > cursor.issue_act, IssueAct.what.in_(_ACTS), IssueAct.at > now - LATEST)
    rows = session.execute(wanted.order_by(IssueAct.id).limit(_AT_A_TIME)).all()
    cursor.issue_act = rows[-1][0].id if len(rows) == _AT_A_TIME else newest
    for act, issue in rows:
        rule = _ACTS[act.what]
        if alerts.new if rule == NEW else alerts.regressed:
            yield replace(_of(issue), rule=rule, mark=f"{rule} {act.id}")


def _too_many(session: Session, alerts: Alerts, now: datetime) -> Iterator[Noticed]:
    """Issues above a number: in an hour at most once a day each, on installations once each."""
    recent = select(Issue).where(Issue.last_at > now - 2 * _HOUR, Issue.state != _IGNORED)
    if alerts.installations:
        for issue in session.scalars(recent.where(Issue.installations > alerts.installations).limit(_AT_A_TIME)):
            yield replace(_of(issue), rule=INSTALLATIONS, mark=f"{INSTALLATIONS} {issue.id} {alerts.installations}")
    if not alerts.an_hour:
        return
    hour = int(now.timestamp()) // 3600
    total = func.sum(IssueHour.count)
    sums = (
        select(Issue.id, total)
        .join(IssueGroup, IssueGroup.issue_id == Issue.id)
        .join(IssuePart, IssuePart.group_id == IssueGroup.id)
        .join(IssueHour, IssueHour.part_id == IssuePart.id)
        .where(Issue.last_at > now - 2 * _HOUR, Issue.state != _IGNORED, IssueHour.hour.in_((hour - 1, hour)))
        .group_by(Issue.id, IssueHour.hour)
        .having(total > alerts.an_hour)
    )
    for number, count in session.execute(sums.limit(_AT_A_TIME)).all():
        mark = f"{AN_HOUR} {number} {now:%Y-%m-%d}"
        yield replace(_of(session.get_one(Issue, number)), rule=AN_HOUR, mark=mark, count=int(count))


def _of(issue: Issue) -> Noticed:
    return Noticed("", "", issue.id, issue.title, issue.culprit, issue.count, issue.installations)
