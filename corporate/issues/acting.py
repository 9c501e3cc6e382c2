"""What people do about an issue: resolve, ignore, open again, assign, comment, merge, split.

Leaves to others: states (states), counts (counting). Rules: each act is one transaction, noted with its actor in the
issue's history; nobody acts while errors are being counted, so that no limit and no state is decided on an old number.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from corporate.database import EVERYBODY, Store
from corporate.errors import OperatorError
from corporate.issues import counting, forgetting, states
from corporate.models import Account, Issue, IssueAct, IssueGroup, IssuePart

LONGEST_COMMENT = 4_000
MOST_DAYS = 400
MOST = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Until:
    """How long to ignore: so many more events, on so many more installations, so many days; None is not a limit."""

    events: int | None = None
    installations: int | None = None
    days: int | None = None


def resolve(store: Store, number: int, release: str | None, actor: str, now: datetime) -> None:
    """Resolved in `release`, or with None in the next one. Raises OperatorError for an unknown issue or release."""
    with _changing(store, number) as (session, issue):
        if release is not None and release not in states.dates(session):
            hint = "name a release of the list, or none for the next one"
            raise OperatorError("release", f"no release {release!r} was added here", hint)
        states.turn(session, issue, states.RESOLVED, actor, "resolved", release or "the next release", now)
        issue.resolved_in, issue.resolved_at = release, now


def ignore(store: Store, number: int, until: Until, actor: str, now: datetime) -> None:
    """Ignore it for as long as `until` says. Raises OperatorError for an unknown issue, or a limit that is none."""
    limits = {
        "events": (until.events, MOST),
        "installations": (until.installations, MOST),
        "days": (until.days, MOST_DAYS),
    }
    for name, (value, most) in limits.items():
        if value is not None and not 1 <= value <= most:
            raise OperatorError("limit", f"{value} is no number of {name}", f"write 1 to {most:,}")
    with _changing(store, number) as (session, issue):
        words = ", ".join(
            f"{value} {'more ' if name != 'days' else ''}{name}" for name, (value, _) in limits.items() if value
        )
        states.turn(session, issue, states.IGNORED, actor, "ignored", words, now)
        issue.ignored_count = None if until.events is None else issue.count + until.events
        more = until.installations
        issue.ignored_installations = None if more is None else issue.installations + more
        issue.ignored_until = None if until.days is None else now + timedelta(days=until.days)


def reopen(store: Store, number: int, actor: str, now: datetime) -> None:
    """Open it again. Raises OperatorError for an unknown issue."""
    with _changing(store, number) as (session, issue):
        states.turn(session, issue, states.OPEN, actor, "reopened", "", now)


def assign(store: Store, number: int, name: str | None, actor: str, now: datetime) -> None:
    """Assign it to an account, or with None to nobody. Raises OperatorError for an unknown issue or account."""
    with _changing(store, number) as (session, issue):
        if name is not None and session.execute(select(Account.id).where(Account.name == name)).first() is None:
            raise OperatorError("account", f"no account {name!r}", "see diffgram-corporate account list")
        issue.assigned_to = name
        # Not whom: the name stands in the issue alone, and goes with the account.
        states.note(session, number, actor, "assigned" if name else "unassigned", "", now)


def comment(store: Store, number: int, words: str, actor: str, now: datetime) -> None:
    """Add a comment. Raises OperatorError for an unknown issue, and for one that is empty or too long."""
    said = words.strip()
    if not 1 <= len(said) <= LONGEST_COMMENT:
        raise OperatorError("comment", f"the comment has {len(said)} characters", f"write 1 to {LONGEST_COMMENT:,}")
    with _changing(store, number) as (session, _):
        states.note(session, number, actor, "commented", said, now)


def merge(store: Store, number: int, other: int, actor: str, now: datetime) -> None:
    """Make `other` a part of the issue `number`: its groups and history move, its own state goes.

    Raises OperatorError when one of them is unknown, or they are one.
    """
    if number == other:
        raise OperatorError("issue", f"{number} cannot be merged with itself", "name another issue")
    with _changing(store, number) as (session, _):
        _known(session, other)
        _run(session, update(IssueGroup).where(IssueGroup.issue_id == other).values(issue_id=number))
        _run(session, update(IssueAct).where(IssueAct.issue_id == other).values(issue_id=number))
        _run(session, delete(Issue).where(Issue.id == other))
        states.note(session, number, actor, "merged", f"#{other}", now)
        session.flush()
        counting.refresh(session, [number])


def split(store: Store, number: int, groups: Sequence[int], actor: str, now: datetime) -> int:
    """Make an issue of its own of some groups; returns its number.

    Raises OperatorError unless some groups go and some stay.
    """
    with _changing(store, number) as (session, issue):
        held = set(session.execute(select(IssueGroup.id).where(IssueGroup.issue_id == number)).scalars())
        chosen = set(groups)
        if not chosen or not chosen < held:
            hint = "choose at least one of its groups, and leave it at least one"
            raise OperatorError("groups", "these groups cannot be split off", hint)
        first = session.get_one(IssueGroup, min(chosen))
        when = select(func.min(IssuePart.first_at)).where(IssuePart.group_id.in_(chosen))
        at = session.execute(when).scalar_one()
        made = Issue(title=first.title, culprit=first.culprit, types=first.types, in_product=first.in_product)
        made.state, made.count, made.installations = states.OPEN, 0, 0
        made.first_at, made.last_at, made.made_at = at, at, now
        session.add(made)
        session.flush()
        _run(session, update(IssueGroup).where(IssueGroup.id.in_(chosen)).values(issue_id=made.id))
        states.note(session, made.id, actor, "split", f"from #{issue.id}", now)
        states.note(session, number, actor, "split", f"#{made.id} came of it", now)
        session.flush()
        new = made.id
        forgetting.rename(session, [number, new])
        counting.refresh(session, [number, new])
        return new


@contextmanager
def _changing(store: Store, number: int) -> Iterator[tuple[Session, Issue]]:
    with store.writing(EVERYBODY) as session:
        counting.lock(session)
        yield session, _known(session, number)


def _known(session: Session, number: int) -> Issue:
    found = session.get(Issue, number)
    if found is None:
        raise OperatorError("issue", f"no issue {number}", "see diffgram-corporate issue list")
    return found


def _run(session: Session, statement: object) -> None:
    session.execute(statement.execution_options(synchronize_session=False))  # type: ignore[attr-defined]
