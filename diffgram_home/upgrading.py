"""Takes notice of what changes without a person: a release with another catalogue, and approvals whose date comes.

`look` finds that another catalogue is installed than the last time, approves what was allowed beforehand, and asks for
the rest with exactly one notice, and a letter to whom `mailing` knows. `look_at_dates` tells of an approval's end
before it comes, and records it when it came. What is not approved is withheld by the gate in any case: this module
asks, it does not protect. Rules:

- What was declined, or decided in any way about this very definition, is not asked again.
- Facts: `catalogue` is the hash looked at last, `definitions` its name → hash, `undecided` name → [hash, material] of
  what waits since a release brought it. With the policy `stop` nothing leaves while a material one is among them.
- Killed between two writes, the next look does it again: each is one transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit import record
from audit.catalogue import REQUEST, Field
from diffgram_home import catalogues, comparing, counting, deciding, facts, ledger, listing, mailing, rules, sealing
from diffgram_home.comparing import ALLOWED, Basis
from diffgram_home.deciding import BY_DATE, Act
from diffgram_home.home import Home
from diffgram_home.models import Approval

CHANGED, STOPPED, ENDS, ENDED = "catalogue-changed", "sending-stopped", "approval-ends", "approval-ended"
SOON = timedelta(days=14)
"""So long before its end an approval is told to end."""
_ROLE, _HOME = "security", "home"
_MOST_NAMES = 5


@dataclass(frozen=True, slots=True)
class Looked:
    """What a look found: the fields that wait because of it, and those approved because they had been allowed."""

    asks: tuple[str, ...]
    allowed: tuple[str, ...]


def attend(home: Home, now: datetime) -> None:
    """The scheduler's stage: both looks, and once a day what waits, since definitions end by day. Raises StoreError."""
    looked = look(home, now)
    look_at_dates(home, now)
    if looked is not None or home.cache.get("attended") != now.date():
        sealing.void_refused(home, now)
        home.cache["attended"] = now.date()


def look(home: Home, now: datetime) -> Looked | None:
    """Take notice of another catalogue; None when it is the one of the last time. Raises StoreError."""
    with home.store.read() as session:
        known = catalogues.kept(session, home.catalogue.hash)
        if known and facts.get(session, "catalogue") == home.catalogue.hash:
            return None
    with home.store.write() as session:
        catalogues.keep(session, home.catalogue, now)
        seen = facts.get(session, "catalogue")
        if seen == home.catalogue.hash:  # another process was faster
            return None
        return _take_over(home, session, seen, now)


def _take_over(home: Home, session: Session, seen: str | None, now: datetime) -> Looked:
    fields = home.catalogue.fields.values()
    live = {field.name: field for field in fields if field.removed is None and field.case != REQUEST}
    before: Mapping[str, str] = facts.get(session, "definitions", {})
    decided = comparing.basis(session, now)
    deciding.remember(session, live.values(), now)
    appeared = [field for field in live.values() if before.get(field.name) != field.hash]
    allowed = _approve_allowed(session, appeared, decided, now) if seen else ()
    first = seen is None and not decided.hashes  # nothing was ever decided here: nothing is new either
    asked = {} if first else _asked(session, live, appeared, decided)
    facts.put(session, "undecided", asked)
    facts.put(session, "catalogue", home.catalogue.hash)
    facts.put(session, "definitions", {name: field.hash for name, field in live.items()})
    listing.installed(session, home.catalogue.hash, now)
    if seen is not None:
        _record(session, seen, home.catalogue.hash, asked, now)
        changes = [decided.change(field) for field in appeared if field.name in asked]
        mailing.installed(home, session, [change for change in changes if change is not None], now)
    tell(home, session, now)
    return Looked(tuple(asked), allowed)


def _approve_allowed(session: Session, appeared: Iterable[Field], decided: Basis, now: datetime) -> tuple[str, ...]:
    """Approve what somebody with the role allowed beforehand, on that person's authority."""
    granted: dict[str, dict[str, str]] = facts.get(session, "allowed", {})
    past = set(session.scalars(select(Approval.hash)))  # decided about before: a withdrawal is not undone by a policy
    names = []
    for field in appeared:
        if decided.decided(field) == ALLOWED and field.hash not in past:
            by = granted[field.hash]
            words = f"allowed beforehand by {by['actor']} on {by['at'][:10]}: {by['authority']}"[:500]
            deciding.approve(session, [field], Act(_HOME, _ROLE, words, now, source="policy"))
            names.append(field.name)
    return tuple(names)


def _asked(
    session: Session, live: Mapping[str, Field], appeared: Iterable[Field], decided: Basis
) -> dict[str, tuple[str, bool]]:
    """What waited and still does, and what appeared and nobody decided about."""
    waited = facts.get(session, "undecided", {})
    asked = {n: tuple(entry) for n, entry in waited.items() if n in live and live[n].hash == entry[0]}
    ended_by_date = Approval.withdrawn_at.is_not(None) & (Approval.withdrawn_by == BY_DATE)
    past = set(session.scalars(select(Approval.hash).where(~ended_by_date)))  # approved still, or withdrawn by somebody
    for field in appeared:
        change = decided.change(field)
        if field.hash not in past and decided.decided(field) in (None, ALLOWED) and change is not None:
            asked[field.name] = (field.hash, change.material)
    return asked


def settle(home: Home, session: Session, now: datetime) -> None:
    """After decisions: forget what is not asked any more, and say what still is."""
    approved, declined = rules.consent_now(session, now).approved, rules.declined_now(session)
    asked = facts.get(session, "undecided", {})
    left = {
        name: entry
        for name, entry in asked.items()
        if entry[0] not in approved.get(name, frozenset()) and (name, entry[0]) not in declined
    }
    if left != asked:
        facts.put(session, "undecided", left)
        tell(home, session, now)


def tell(home: Home, session: Session, now: datetime) -> None:
    """One notice for what a release asks, or none; with the policy `stop` it says that nothing leaves."""
    asked = facts.get(session, "undecided", {})
    material = [name for name, (_, is_material) in asked.items() if is_material]
    code = STOPPED if rules.stopped_now(home, session) else CHANGED
    for other in {STOPPED, CHANGED} - ({code} if asked else set()):
        counting.end_notice(session, now, other)
    if not asked:
        return
    hint = "read them under Fields or with 'diffgram-home fields --state undecided', then approve or decline each"
    if code == STOPPED:
        text = (
            f"a release changed what may leave, and by your policy nothing leaves until you decide: {_some(material)}"
        )
        hint += '; or set on_material_change to "withhold" under [policy]'
    else:
        waits = "1 field waits" if len(asked) == 1 else f"{len(asked)} fields wait"
        reworded = len(asked) - len(material)
        words = f" ({reworded} only in other words)" if reworded else ""
        stay = "stays here" if len(asked) == 1 else "stay here"
        text = f"a release changed what may leave: {waits} for your decision{words} and {stay}: {_some(asked)}"
        if any(field.name in asked for field in home.catalogue.wrapping()):
            text += "; some go around every batch, so nothing leaves until you decide"
            counting.end_notice(session, now, sealing.NOT_APPROVED)
    counting.reword(session, now, code, "", text, hint)


def look_at_dates(home: Home, now: datetime) -> tuple[str, ...]:
    """End approvals whose date has come, tell of those that end soon; returns what ended. Raises StoreError."""
    with home.store.read() as session:
        rows = list(session.scalars(select(Approval).where(Approval.expires_at.is_not(None))))
        holding = [row for row in rows if row.withdrawn_at is None]
        due = tuple(row.field for row in holding if row.expires_at and row.expires_at <= now)
        if not due and home.cache.get("dates") == _dates(home, session, rows, now):
            return ()
    with home.store.write() as session:
        ended = [row for row in session.scalars(_holding_dated()) if row.expires_at and row.expires_at <= now]
        deciding.end(session, ended, "expired", Act(BY_DATE, _ROLE, "", now))
        rows = list(session.scalars(select(Approval).where(Approval.expires_at.is_not(None))))
        dates = _dates(home, session, rows, now)
        _tell_dates(session, *dates, now)
    home.cache["dates"] = dates
    if ended:
        sealing.void_refused(home, now)
    return due


def _holding_dated():
    return select(Approval).where(Approval.expires_at.is_not(None), Approval.withdrawn_at.is_(None))


def _dates(
    home: Home, session: Session, rows: Iterable[Approval], now: datetime
) -> tuple[tuple[tuple[str, str], ...], tuple[str, ...]]:
    """(name, day) of what ends soon, and the names of what has ended and nobody decided about since."""
    soon, ended = [], []
    approved, declined = rules.consent_now(session, now).approved, rules.declined_now(session)
    for row in rows:
        live = home.catalogue.fields.get(row.field)
        if row.expires_at is None or live is None or live.removed or live.hash != row.hash:
            continue
        if row.withdrawn_at is None and now < row.expires_at <= now + SOON:
            soon.append((row.field, f"{row.expires_at - timedelta(seconds=1):%Y-%m-%d}"))  # its last day
        elif row.withdrawn_by == BY_DATE and row.hash not in approved.get(row.field, frozenset()):
            ended += [row.field] if (row.field, row.hash) not in declined else []
    return tuple(sorted(soon)), tuple(sorted(set(ended)))


def _tell_dates(session: Session, soon: tuple[tuple[str, str], ...], ended: tuple[str, ...], now: datetime) -> None:
    again = "approve them again, with or without a date, or let them end"
    names = [f"{name} after {day}" for name, day in soon]
    _say(session, now, ENDS, names, f"approvals end soon, and these fields then stay here: {_some(names)}", again)
    again = "approve them again, or decline them to be asked no more"
    _say(
        session,
        now,
        ENDED,
        ended,
        f"approvals have ended by their date, and these fields stay here: {_some(ended)}",
        again,
    )


def _say(session: Session, now: datetime, code: str, found: Iterable[str], text: str, hint: str) -> None:
    if found:
        counting.reword(session, now, code, "", text, hint)
    else:
        counting.end_notice(session, now, code)


def _record(session: Session, before: str, after: str, asked: Mapping[str, tuple[str, bool]], now: datetime) -> None:
    asks = {name: digest for name, (digest, _) in asked.items()}
    entry = record.Release(actor="home", asks=asks, at=record.instant(now), from_=before, to=after)
    ledger.append(session, entry)


def _some(names: Iterable[str]) -> str:
    listed = list(names)
    more = len(listed) - _MOST_NAMES
    return ", ".join(listed[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
