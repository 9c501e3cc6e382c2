"""Changes what a case asks for before sending: `none`, `one` or `two` approvals of the very bytes.

The settings file states it under [approval]; what holds is recorded; of both the stricter counts (`approvals`). Rules:

- The file can raise: `switching.apply` records that with the owner of the file, or whoever asked, as actor. It acts on
  what waits already.
- Lowering takes the role `security`, and from `two` it takes two persons like an approval does: the first asks, the
  second does the same. What the file alone lowers stays as it was, and is told.
- Crash points: the file is written before the record. In between the stricter holds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from audit.approval import LEVELS, TWO, independent, stricter
from audit.modes import MODES
from diffgram_home import approvals, switching
from diffgram_home.approvals import Lowering, Standing
from diffgram_home.approving import ROLE, ApprovalError
from diffgram_home.errors import PeopleError
from diffgram_home.home import Home
from diffgram_home.levels import ASKED, KEPT, SET, is_lower, note, tell


@dataclass(frozen=True, slots=True)
class Changed:
    """What a case asks for now; `step` is set, asked (a second person is needed), kept, or None where it was so."""

    case: str
    before: str
    after: str
    step: str | None


def set_level(home: Home, case: str, level: str, actor: str, role: str, now: datetime) -> Changed:
    """Let a case ask for `level`, in file and record.

    Raises PeopleError for another role than `security`, ValueError for an unknown case or level, ApprovalError where
    the same person asks twice for less, SettingsFaults, StoreError.
    """
    if role != ROLE:
        raise PeopleError(
            "role-missing", f"the role '{role}' may not change what a case asks for", "ask somebody with 'security'"
        )
    if case not in MODES or level not in LEVELS:
        raise ValueError(f"no case '{case}', or no level '{level}'; write one of {', '.join(LEVELS)}")
    always = approvals.ALWAYS.get(case, level)
    if stricter(always, level) != level:
        text = f"case '{case}' always asks for approval of {always}; nothing changed"
        raise ApprovalError("always-asked", text, f"'diffgram-home off {case}' ends all of it")
    switching.apply(home, now)  # what the file's owner changed is recorded as theirs
    with home.store.write() as session:
        stands = approvals.standing(session)
        before = stands.level(case)
        step = _step(session, stands, case, level, actor, now)
    if step == SET:
        switching.write(home, "approval", {case: level})
        if is_lower(level, before):
            _lower(home, case, before, level, actor, now)
        switching.apply(home, now, actor)
    return Changed(case, before, level if step == SET else before, step)


def _step(session: Session, stands: Standing, case: str, level: str, actor: str, now: datetime) -> str | None:
    """What this wish does; from `two` to less the first of two persons only asks."""
    before, asked = stands.level(case), stands.lowering.get(case)
    if level == before:
        if asked is None:
            return None
        _keep(session, stands, case, None)
        note(session, case, before, before, KEPT, actor, "person", stands.expires_h, now)
        return KEPT
    if not is_lower(level, before) or before != TWO:
        return SET
    if asked is not None and asked.to == level and now - asked.at < timedelta(hours=stands.expires_h):
        if independent(asked.actor, actor, approvals.makers(session)):
            return SET
        text = "the one who asked for it cannot be the second person too, nor may one have made the other's account"
        raise ApprovalError("second-person", text, "let somebody else with the role 'security' sign in and do the same")
    _keep(session, stands, case, Lowering(level, actor, now))
    note(session, case, before, level, ASKED, actor, "person", stands.expires_h, now)
    return ASKED


def _lower(home: Home, case: str, before: str, level: str, actor: str, now: datetime) -> None:
    """Record that a case asks for less."""
    with home.store.write() as session:
        stands = approvals.standing(session)
        holds = {**stands.holds, case: (level, now)}
        lowering = {other: one for other, one in stands.lowering.items() if other != case}
        stands = replace(stands, holds=holds, stated={**stands.stated, case: level}, lowering=lowering)
        approvals.put(session, stands)
        note(session, case, before, level, SET, actor, "person", stands.expires_h, now)
        tell(session, stands, now)


def _keep(session: Session, stands: Standing, case: str, one: Lowering | None) -> None:
    lowering = {other: found for other, found in stands.lowering.items() if other != case}
    approvals.put(session, replace(stands, lowering=lowering | ({case: one} if one else {})))
