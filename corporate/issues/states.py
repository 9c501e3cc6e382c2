"""What an issue's state becomes when more of it is seen, and the words for it.

    open        somebody should look; also what it becomes again when ignoring is over
    regressed   it was resolved, and a release that should not have it has it
    resolved    in a release, or in the next one; events of releases before stay what they were expected to be
    ignored     until it is seen more often, on more installations, or until a time; or until somebody opens it

Leaves to others: counting; what people do (acting). Rules: the clock is `now`; which release is newer is told by the
numbers of its version where both have the same name, else by which was added here first.
"""

import re
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from corporate.models import Issue, IssueAct, StoredIndex

OPEN, REGRESSED, RESOLVED, IGNORED = "open", "regressed", "resolved", "ignored"
STATES = (OPEN, REGRESSED, RESOLVED, IGNORED)
UNRESOLVED = (OPEN, REGRESSED)
ITSELF = "corporate"
"""Who did it, where nobody did."""
_VERSION = re.compile(r"(.*\s)?v?(\d{1,9}(?:\.\d{1,9})*)")


def follow(session: Session, releases: Mapping[int, set[str]], now: datetime) -> None:
    """Let the states of issues follow that were seen in these releases, after their counts were refreshed."""
    quiet = select(Issue).where(Issue.id.in_(releases), Issue.state.in_((RESOLVED, IGNORED))).order_by(Issue.id)
    found = list(session.execute(quiet).scalars())
    added = dates(session) if any(issue.state == RESOLVED for issue in found) else {}
    for issue in found:
        if issue.state == RESOLVED:
            again = sorted(one for one in releases[issue.id] if shows_again(issue, one, added))
            if again:
                turn(session, issue, REGRESSED, ITSELF, "regressed", again[0], now)
        elif is_over(issue, now):
            turn(session, issue, OPEN, ITSELF, "resumed", "", now)
    session.flush()


def due(session: Session, now: datetime) -> bool:
    """Whether any issue's time of being ignored is over."""
    wanted = select(Issue.id).where(Issue.state == IGNORED, Issue.ignored_until <= now)
    return session.execute(wanted.limit(1)).first() is not None


def wake(session: Session, now: datetime) -> int:
    """Open the issues whose time of being ignored is over; returns how many."""
    due = select(Issue).where(Issue.state == IGNORED, Issue.ignored_until <= now)
    found = list(session.execute(due).scalars())
    for issue in found:
        turn(session, issue, OPEN, ITSELF, "resumed", "", now)
    return len(found)


def turn(session: Session, issue: Issue, state: str, actor: str, what: str, words: str, now: datetime) -> None:
    """Give the issue a state, forget what belonged to the last one, and note who did it."""
    issue.state = state
    issue.resolved_in = issue.resolved_at = None
    issue.ignored_count = issue.ignored_installations = issue.ignored_until = None
    note(session, issue.id, actor, what, words, now)


def note(session: Session, issue: int, actor: str, what: str, words: str, now: datetime) -> None:
    """Add one line to the history of an issue."""
    session.add(IssueAct(issue_id=issue, at=now, actor=actor, what=what, words=words))


def dates(session: Session) -> Mapping[str, datetime]:
    """When each release was first added here."""
    wanted = select(StoredIndex.release, func.min(StoredIndex.added_at)).group_by(StoredIndex.release)
    return {str(release): at for release, at in session.execute(wanted)}


def shows_again(issue: Issue, release: str, added: Mapping[str, datetime]) -> bool:
    """Whether an event of `release` contradicts what the issue was resolved in."""
    if issue.resolved_in is None:
        at = added.get(release)
        return at is not None and issue.resolved_at is not None and at > issue.resolved_at
    return release == issue.resolved_in or is_newer(release, issue.resolved_in, added)


def is_newer(one: str, other: str, added: Mapping[str, datetime]) -> bool:
    """Whether the release `one` comes after `other`."""
    a, b = _VERSION.fullmatch(one), _VERSION.fullmatch(other)
    if a and b and a[1] == b[1]:
        return _numbers(a[2]) > _numbers(b[2])
    first, second = added.get(one), added.get(other)
    return first is not None and second is not None and first > second


def is_over(issue: Issue, now: datetime) -> bool:
    """Whether an issue that is ignored has been seen more often, or on more installations, or longer than that."""
    return (
        (issue.ignored_count is not None and issue.count > issue.ignored_count)
        or (issue.ignored_installations is not None and issue.installations > issue.ignored_installations)
        or (issue.ignored_until is not None and now >= issue.ignored_until)
    )


def _numbers(version: str) -> tuple[int, ...]:
    numbers = [int(part) for part in version.split(".")]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)
