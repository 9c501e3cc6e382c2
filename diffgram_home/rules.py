"""What holds at this moment: the settings file, modes with generations, and consent; together the gate's Rules.

Reads only; `switching` and `consenting` change. Rules:
- The file can narrow at once and widen only when `switching.apply` has recorded it: until then the narrower of file and
  record holds. So it is with modes, with switches and transforms of fields, and with the policy.
- So it is with approval before sending (`approvals`): the file can ask for more, and only the record for less.
- What corporate asked (`instructing`) narrows at once, and says nothing about what the customer's own settings are.
- An approval with a date ends at that moment, whether or not its end was recorded already (`upgrading.look_at_dates`).
- With the policy `stop`, nothing may leave while a material change waits for a decision, or was not looked at yet.
- The clock is read here only for a caller who has no moment of their own.
- A file that cannot be read, or has any fault, means off (design 6).
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import msgspec
from sqlalchemy import Connection, Text, cast, func, literal, or_, select
from sqlalchemy.orm import Session

from audit import instructions, transforms
from audit.consent import Consent
from audit.gate import Codec, Rules
from audit.modes import ALL_OFF, OFF, Modes, Switch, effective, narrowed, narrower
from diffgram_home import approvals, facts, instructing
from diffgram_home import settings as settings_file
from diffgram_home.errors import SettingsFaults
from diffgram_home.home import Home, field_faults, kind_faults
from diffgram_home.models import Approval, Batch, BatchDecision, Decline, Leaf, Value
from diffgram_home.models import Switch as SwitchRow
from diffgram_home.settings import Settings

_ENCODER, _DECODER = msgspec.json.Encoder(), msgspec.json.Decoder()
CODEC = Codec(_ENCODER.encode, _DECODER.decode, _ENCODER.encode_lines, _DECODER.decode_lines)

# Asked for several times a batch: made once, and of plain columns, since putting a statement together costs more than
# the database's answer.
_VALUE, _APPROVAL = Value.__table__.c, Approval.__table__.c
_DECIDED, _LEAF = BatchDecision.__table__.c, Leaf.__table__.c
_STAMPED = (
    *("undecided", "approval", "cases", "catalogue", "fields", "generation"),
    *("instructions", "kinds", "policy", "transforms"),
)
_STAMP = (
    select(_VALUE.name, _VALUE.data)
    .where(or_(*(_VALUE.name == name for name in _STAMPED)))  # an `in_` is put together anew each time
    .union_all(
        select(
            literal("approvals"),
            cast(func.count(_APPROVAL.id), Text)
            + "/"
            + cast(func.coalesce(func.max(_APPROVAL.id), 0), Text)
            + "/"
            + cast(func.count(_APPROVAL.withdrawn_at), Text),
        ),
        # Decisions about batches are only ever added, and so are leaves about persons, which say who made whom.
        select(literal("decided"), cast(func.coalesce(func.max(_DECIDED.id), 0), Text)),
        select(literal("persons"), cast(func.coalesce(func.max(_LEAF.position), 0), Text)).where(
            _LEAF.type == "person"
        ),
    )
)


_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Applied:
    """What was last recorded: cases, kinds, fields, transforms, policy as in the file, switches as they took effect."""

    cases: dict[str, str]
    own: dict[str, str]
    switches: dict[str, Switch]
    generation: int
    fields: dict[str, str]
    transforms: dict[str, str]
    on_material_change: str
    allow: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Kept:
    """Rules that hold from `since` until `until`, while file and database stay as they are."""

    file: Settings | SettingsFaults
    stamp: tuple[object, ...]
    since: datetime
    until: datetime
    rules: Rules


def current(home: Home, now: datetime | None = None) -> Rules:
    """The gate's rules at this moment; the same object as before while nothing changed.

    Asked several times a batch, so that what is compared is small: generations and the number of approvals only rise.
    Kept only here, where what is seen is committed: numbers that were rolled back come again and mean something else.
    """
    with home.store.look() as connection:
        return seen(home, connection, now)


def seen(home: Home, session: Session | Connection, now: datetime | None = None) -> Rules:
    """The same as a session sees it that has changed neither modes nor consent."""
    now = now or datetime.now(UTC)
    file, stamp = read_file(home), _stamp(session)
    kept: _Kept | None = home.cache.get("current")
    if kept is not None and kept.file is file and kept.stamp == stamp and kept.since <= now < kept.until:
        return kept.rules
    rules = within(home, session, now)
    home.cache["current"] = _Kept(file, stamp, now, _next_end(session, now), rules)
    return rules


def within(home: Home, session: Session | Connection, now: datetime | None = None) -> Rules:
    """The gate's rules as the session's transaction sees them."""
    modes, consent = modes_now(home, session), _consent(home, session, now or datetime.now(UTC))
    asked = approvals.current(session, stated_levels(home))
    kept = home.cache.get("rules")
    if kept is not None and kept.modes == modes and kept.consent == consent:
        if kept.approvals == asked:
            return kept
        rules = kept.with_approvals(asked)
    else:
        rules = Rules(home.catalogue, home.index, consent, modes, asked)
    home.cache["rules"] = rules
    return rules


def for_these(home: Home, batches: Sequence[Batch], now: datetime) -> Rules:
    """The rules at this moment, with the approvals of these batches, whatever became of them since."""
    with home.store.read() as session:
        held = within(home, session, now)
        return held.with_approvals(approvals.of_these(session, stated_levels(home), batches))


def stated_levels(home: Home) -> Mapping[str, str]:
    """What the settings file says now about approval before sending; nothing where it cannot be read, which is off."""
    file = read_file(home)
    return {} if isinstance(file, SettingsFaults) else file.approval.levels


def modes_now(home: Home, session: Session | Connection) -> Modes:
    """The narrowest of what the file says now, what was recorded, and what corporate asked; ALL_OFF without a file."""
    file = read_file(home)
    if isinstance(file, SettingsFaults):
        return ALL_OFF
    was = applied(session)
    held_cases, held_kinds = instructions.modes(instructing.asks(session), file.cases, file.kinds)
    wanted = effective(home.catalogue, held_cases, held_kinds)
    kinds = {kind: narrowed(was.switches.get(kind, OFF), mode) for kind, mode in wanted.items()}
    cases = {case: narrower(mode, was.cases.get(case, ALL_OFF.cases[case])) for case, mode in held_cases.items()}
    return Modes(cases, kinds)


def _stamp(session: Session | Connection) -> tuple[object, ...]:
    """Small values that differ whenever modes or consent in the database do."""
    return tuple(sorted(map(tuple, session.execute(_STAMP))))


def consent_now(session: Session | Connection, now: datetime) -> Consent:
    """Every definition whose approval holds `now`: neither withdrawn nor past its date."""
    approved: dict[str, set[str]] = defaultdict(set)
    dated = Approval.expires_at.is_(None) | (Approval.expires_at > now)
    for field, digest in session.execute(
        select(Approval.field, Approval.hash).where(Approval.withdrawn_at.is_(None), dated)
    ):
        approved[field].add(digest)
    return Consent({field: frozenset(digests) for field, digests in approved.items()})


def declined_now(session: Session | Connection) -> frozenset[tuple[str, str]]:
    """(field, definition hash) to which somebody said no."""
    rows = session.execute(select(Decline.field, Decline.hash).where(Decline.ended_at.is_(None)))
    return frozenset((field, digest) for field, digest in rows)


def policy_now(home: Home, session: Session | Connection) -> str:
    """The stricter of what the file says now and what was recorded."""
    file, recorded = read_file(home), facts.get(session, "policy", {}).get("on_material_change")
    stated = None if isinstance(file, SettingsFaults) else file.policy.on_material_change
    return "stop" if "stop" in (stated, recorded) else "withhold"


def stopped_now(home: Home, session: Session | Connection) -> bool:
    """Whether the policy lets nothing leave until somebody has decided about a release's changes."""
    if policy_now(home, session) != "stop":
        return False
    seen = facts.get(session, "catalogue")
    undecided = facts.get(session, "undecided", {})
    return seen != home.catalogue.hash or any(material for _, material in undecided.values())


def _consent(home: Home, session: Session | Connection, now: datetime) -> Consent:
    file = read_file(home)
    off = frozenset() if isinstance(file, SettingsFaults) else file.fields_off
    off |= {name for name, mode in facts.get(session, "fields", {}).items() if mode == "off"}
    asked = instructions.withheld(instructing.asks(session))
    chosen, between = _transforms(file, facts.get(session, "transforms", {}))
    stopped = stopped_now(home, session)
    return replace(consent_now(session, now), asked=asked, off=off | between, stopped=stopped, transforms=chosen)


def _transforms(file: Settings | SettingsFaults, recorded: Mapping[str, str]) -> tuple[dict[str, str], frozenset[str]]:
    """The narrower of each choice in file and record; fields of which neither is: they stay here until recorded."""
    chosen, between = dict(recorded), set()
    for name, word in () if isinstance(file, SettingsFaults) else file.transforms.items():
        try:
            chosen[name] = transforms.narrower(word, recorded.get(name)) or word
        except ValueError:
            between.add(name)
    return chosen, frozenset(between)


def _next_end(session: Session | Connection, now: datetime) -> datetime:
    """When the next approval ends by its date."""
    dated = Approval.withdrawn_at.is_(None), Approval.expires_at > now
    return session.scalar(select(func.min(Approval.expires_at)).where(*dated)) or _NEVER


def applied(session: Session | Connection) -> Applied:
    """The modes as `switching.apply` last recorded them."""
    rows = session.execute(select(SwitchRow.kind, SwitchRow.mode, SwitchRow.generation))
    policy = facts.get(session, "policy", {})
    return Applied(
        facts.get(session, "cases", {}),
        facts.get(session, "kinds", {}),
        {kind: Switch(mode, generation) for kind, mode, generation in rows},
        facts.get(session, "generation", 0),
        facts.get(session, "fields", {}),
        facts.get(session, "transforms", {}),
        policy.get("on_material_change", "withhold"),
        tuple(policy.get("allow", ())),
    )


def read_file(home: Home) -> Settings | SettingsFaults:
    """The settings file as it is now, read again when it changed; its faults are an answer here, not an exception."""
    path = home.settings.path
    try:
        stat = os.stat(path)
        signature = (stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino, stat.st_size)  # any change moves the second
    except OSError:
        signature = None
    kept = home.cache.get("file")
    if kept is not None and signature is not None and kept[0] == signature:
        return kept[1]
    answer = _read(home)
    if signature is not None:
        home.cache["file"] = (signature, answer)
    return answer


def _read(home: Home) -> Settings | SettingsFaults:
    try:
        file = settings_file.read(home.settings.path, os.environ)
    except SettingsFaults as error:
        return error
    faults = kind_faults(file, home.catalogue) + field_faults(file, home.catalogue)
    return SettingsFaults(str(file.path), tuple(faults)) if faults else file
