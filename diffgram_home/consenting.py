"""Approves, declines and withdraws fields of the catalogue: by definition, by a person with the role `security`.

An approval names the hash of a definition (audit.consent), and may end at a date. Every decision acts on what waits, at
once: batches that may not go are voided and their other content is sealed again, so that what is shown afterwards is
what goes. Approving does it too: what could not even be voided while the header was withheld is voided then. What has
left is not called back, and what was withheld is not sent later. `allow` is for those who upgrade unattended: it
records that definitions which are not here yet count as approved when they appear, as far as the settings file's policy
names them too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit import record
from audit.catalogue import REQUEST, Field
from audit.consent import Consent
from diffgram_home import deciding, facts, ledger, rules, sealing, upgrading
from diffgram_home.deciding import Act
from diffgram_home.errors import PeopleError
from diffgram_home.home import Home
from diffgram_home.models import Approval

ROLE = "security"


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided now: the names of fields, in order, and how many waiting batches were voided by it."""

    names: tuple[str, ...]
    voided: int


@dataclass(frozen=True, slots=True)
class Allowed:
    """What `allow` did: definitions recorded for when they appear, and names of fields approved since they are here."""

    hashes: tuple[str, ...]
    names: tuple[str, ...]


def end_of_day(day: str) -> datetime:
    """The moment (UTC) at which an approval up to and including `day`, such as 2027-06-30, ends. Raises ValueError."""
    try:
        return datetime.combine(date.fromisoformat(day), time(), UTC) + timedelta(days=1)
    except (ValueError, OverflowError):
        raise ValueError(f"{day!r} is no day; write one such as 2027-06-30") from None


def consent(home: Home, now: datetime) -> Consent:
    """What is approved at this moment."""
    with home.store.read() as session:
        return rules.consent_now(session, now)


def approve(
    home: Home,
    names: Sequence[str] | None,
    actor: str,
    role: str,
    authority: str,
    now: datetime,
    *,
    expires_at: datetime | None = None,
    renew: bool = False,
) -> Decision:
    """Approve the present definitions of `names`, or with None of all live fields that nobody declined.

    `actor` is `person:N` or `os:uid`; `authority` says in the person's words on whose behalf. At `expires_at` the
    approval ends. What is approved already stays as it is, or with `renew` gets the new date. Raises PeopleError for
    another role than `security` and for a date that has passed, ValueError for an unknown name.
    """
    _check_role(role)
    _check_date(expires_at, now)
    wanted = _fields(home, names)
    with home.store.write() as session:
        held, declined = rules.consent_now(session, now), rules.declined_now(session)
        dates = _dates(session) if renew else {}
        chosen = [
            field
            for field in wanted
            if (not held.allows(field) and (names is not None or (field.name, field.hash) not in declined))
            or (renew and held.allows(field) and dates.get((field.name, field.hash)) != expires_at)
        ]
        deciding.approve(session, chosen, Act(actor, role, authority, now, expires_at))
        upgrading.settle(home, session, now)
    return Decision(tuple(field.name for field in chosen), sealing.void_refused(home, now) if chosen else 0)


def decline(home: Home, names: Sequence[str], actor: str, role: str, authority: str, now: datetime) -> Decision:
    """Say no to the present definitions of `names`: nobody is asked again until a definition changes.

    An approval of it ends, and what waits with the field is voided. Raises as `approve`.
    """
    _check_role(role)
    wanted = _fields(home, names)
    with home.store.write() as session:
        declined = rules.declined_now(session)
        chosen = [field for field in wanted if (field.name, field.hash) not in declined]
        deciding.decline(session, chosen, Act(actor, role, authority, now))
        upgrading.settle(home, session, now)
    return Decision(tuple(field.name for field in chosen), sealing.void_refused(home, now) if chosen else 0)


def withdraw(
    home: Home, names: Sequence[str] | None, actor: str, role: str, now: datetime, authority: str = ""
) -> Decision:
    """Withdraw every approval of `names`, or of all with None, and void what may no longer go; raises as `approve`."""
    _check_role(role)
    if names is not None:
        _fields(home, names)
    with home.store.write() as session:
        open_ones = select(Approval).where(Approval.withdrawn_at.is_(None)).order_by(Approval.id)
        rows = [row for row in session.scalars(open_ones) if names is None or row.field in names]
        deciding.end(session, rows, "withdrawn", Act(actor, role, authority, now))
    voided = sealing.void_refused(home, now) if rows else 0
    return Decision(tuple(dict.fromkeys(row.field for row in rows)), voided)


def allow(home: Home, actor: str, role: str, authority: str, now: datetime) -> Allowed:
    """Record the definitions that the settings file's policy names, and approve those of them that are here already.

    A hash that a person withdrew or declined stays so. Raises PeopleError for another role than `security`.
    """
    _check_role(role)
    act = Act(actor, role, authority, now, source="policy")
    with home.store.write() as session:
        known: dict[str, dict[str, str]] = facts.get(session, "allowed", {})
        stated = rules.applied(session).allow
        new = tuple(digest for digest in stated if digest not in known)
        if new:
            entry = record.Allowance(
                actor=actor,
                at=record.instant(now),
                authority=authority,
                definitions=list(new),
                role=role,  # type: ignore[arg-type]
            )
            ledger.append(session, entry)
            granted = {"actor": actor, "authority": authority, "at": record.instant(now)}
            facts.put(session, "allowed", known | dict.fromkeys(new, granted))
        past = set(session.scalars(select(Approval.hash)))
        declined = rules.declined_now(session)
        live = [field for field in _fields(home, None) if field.hash in stated and field.hash not in past]
        chosen = [field for field in live if (field.name, field.hash) not in declined]
        deciding.approve(session, chosen, act)
        upgrading.settle(home, session, now)
    sealing.void_refused(home, now)
    return Allowed(new, tuple(field.name for field in chosen))


def _dates(session: Session) -> dict[tuple[str, str], datetime | None]:
    """When each approval that was not ended will be, by field and definition."""
    rows = session.execute(
        select(Approval.field, Approval.hash, Approval.expires_at).where(Approval.withdrawn_at.is_(None))
    )
    return {(field, digest): expires_at for field, digest, expires_at in rows}


def _check_role(role: str) -> None:
    if role != ROLE:
        hint = "ask somebody with the role 'security'"
        raise PeopleError("role-missing", f"the role '{role}' may not decide about fields", hint)


def _check_date(expires_at: datetime | None, now: datetime) -> None:
    if expires_at is not None and expires_at <= now:
        raise PeopleError("date-passed", f"the date {expires_at:%Y-%m-%d} has passed", "give a day to come, or none")


def _fields(home: Home, names: Sequence[str] | None) -> list[Field]:
    fields = home.catalogue.fields.values()
    live = {field.name: field for field in fields if field.removed is None and field.case != REQUEST}
    if names is None:
        return list(live.values())
    unknown = sorted(set(names) - live.keys())
    if unknown:
        raise ValueError(
            f"the catalogue has no field {', '.join(map(repr, unknown))}; 'diffgram-home fields' lists them"
        )
    return [live[name] for name in dict.fromkeys(names)]
