"""Overrides of grouping: errors that fit a rule become the one issue that it names, whatever else differs.

Rules: the first rule that fits counts, oldest first; a rule holds for what is counted after it was made. What was
counted before is joined by merging.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit.canonical import canonical, sha256_hex
from corporate.database import EVERYBODY, Store
from corporate.errors import OperatorError
from corporate.models import IssueRule
from event.issue import Group, words_of

_FORMAT = "diffgram-issue-rule/1"
LONGEST = 200


def every(session: Session) -> list[IssueRule]:
    """All rules, oldest first."""
    return list(session.execute(select(IssueRule).order_by(IssueRule.id)).scalars())


def overridden(rules: Sequence[IssueRule], error_log: Mapping[str, Any], group: Group) -> Group:
    """The group by the first rule that fits, or `group` itself."""
    rule = next((rule for rule in rules if fits(rule, error_log, group)), None)
    if rule is None:
        return group
    key = sha256_hex(canonical([_FORMAT, rule.name]))[: len(group.key)]
    return replace(group, key=key, title=rule.name)


def fits(rule: IssueRule, error_log: Mapping[str, Any], group: Group) -> bool:
    """Whether everything that `rule` states is so."""
    if rule.kind is not None and rule.kind not in group.types:
        return False
    if rule.words is not None and not any(rule.words in (words_of(link) or "") for link in error_log["chain"]):
        return False
    return rule.place is None or any(
        mine and (place == rule.place or place.startswith((f"{rule.place}:", f"{rule.place}.")))
        for place, mine in error_log["frames"]
    )


def make(
    store: Store, name: str, kind: str | None, place: str | None, words: str | None, actor: str, now: datetime
) -> int:
    """Make a rule; returns its number. Raises OperatorError for one that fits everything, or has no name."""
    stated = [text for text in (kind, place, words) if text]
    if not stated or not 1 <= len(name) <= LONGEST or any(len(text) > LONGEST for text in stated):
        hint = f"name the issue, and at least one of type, place and words, each of at most {LONGEST} characters"
        raise OperatorError("rule", "this is no rule", hint)
    with store.writing(EVERYBODY) as session:
        rule = IssueRule(name=name, kind=kind or None, place=place or None, words=words or None)
        rule.made_at, rule.made_by = now, actor
        session.add(rule)
        session.flush()
        return rule.id


def listed(store: Store) -> list[IssueRule]:
    """All rules, oldest first."""
    with store.reading(EVERYBODY) as session:
        return every(session)


def remove(store: Store, number: int) -> None:
    """Remove a rule; what it grouped stays as it is. Raises OperatorError for an unknown one."""
    with store.writing(EVERYBODY) as session:
        rule = session.get(IssueRule, number)
        if rule is None:
            raise OperatorError("rule", f"no rule {number}", "see diffgram-corporate issue rules")
        session.delete(rule)
