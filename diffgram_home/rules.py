"""What holds at this moment: the settings file, modes with generations, and consent; together the gate's Rules.

Reads only; `switching` and `consenting` change. Rules:
- The file can narrow at once and widen only when `switching.apply` has recorded it: until then the narrower of file and
  record holds.
- What corporate asked (`instructing`) narrows at once, and says nothing about what the customer's own settings are.
- A file that cannot be read, or has any fault, means off (design 6).
"""

from __future__ import annotations

import os
from collections import defaultdict
from dataclasses import dataclass, replace

import msgspec
from sqlalchemy import Connection, Text, cast, func, literal, or_, select
from sqlalchemy.orm import Session

from audit import instructions
from audit.consent import Consent
from audit.gate import Codec, Rules
from audit.modes import ALL_OFF, OFF, Modes, Switch, effective, narrowed, narrower
from diffgram_home import facts, instructing
from diffgram_home import settings as settings_file
from diffgram_home.errors import SettingsFaults
from diffgram_home.home import Home, kind_faults
from diffgram_home.models import Approval, Value
from diffgram_home.models import Switch as SwitchRow
from diffgram_home.settings import Settings

_ENCODER, _DECODER = msgspec.json.Encoder(), msgspec.json.Decoder()
CODEC = Codec(_ENCODER.encode, _DECODER.decode, _ENCODER.encode_lines, _DECODER.decode_lines)

# Asked for several times a batch: made once, and of plain columns, since putting a statement together costs more than
# the database's answer.
_VALUE, _APPROVAL = Value.__table__.c, Approval.__table__.c
_STAMPED = ("cases", "generation", "instructions", "kinds")
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
        )
    )
)


@dataclass(frozen=True, slots=True)
class Applied:
    """Modes as they were last recorded: cases and kinds as the file said, switches as they took effect."""

    cases: dict[str, str]
    own: dict[str, str]
    switches: dict[str, Switch]
    generation: int


def current(home: Home) -> Rules:
    """The gate's rules at this moment; the same object as before while nothing changed.

    Asked several times a batch, so that what is compared is small: generations and the number of approvals only rise.
    Kept only here, where what is seen is committed: numbers that were rolled back come again and mean something else.
    """
    with home.store.look() as connection:
        return seen(home, connection)


def seen(home: Home, session: Session | Connection) -> Rules:
    """The same as a session sees it that has changed neither modes nor consent."""
    file, stamp = read_file(home), _stamp(session)
    kept = home.cache.get("current")
    if kept is not None and kept[0] is file and kept[1] == stamp:
        return kept[2]
    rules = within(home, session)
    home.cache["current"] = (file, stamp, rules)
    return rules


def within(home: Home, session: Session | Connection) -> Rules:
    """The gate's rules as the session's transaction sees them."""
    modes = modes_now(home, session)
    consent = replace(consent_now(session), asked=instructions.withheld(instructing.asks(session)))
    kept = home.cache.get("rules")
    if kept is not None and kept.modes == modes and kept.consent == consent:
        return kept
    rules = Rules(home.catalogue, home.index, consent, modes)
    home.cache["rules"] = rules
    return rules


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


def consent_now(session: Session | Connection) -> Consent:
    """Every approved definition that was not withdrawn."""
    approved: dict[str, set[str]] = defaultdict(set)
    for field, digest in session.execute(select(Approval.field, Approval.hash).where(Approval.withdrawn_at.is_(None))):
        approved[field].add(digest)
    return Consent({field: frozenset(digests) for field, digests in approved.items()})


def applied(session: Session | Connection) -> Applied:
    """The modes as `switching.apply` last recorded them."""
    rows = session.execute(select(SwitchRow.kind, SwitchRow.mode, SwitchRow.generation))
    return Applied(
        facts.get(session, "cases", {}),
        facts.get(session, "kinds", {}),
        {kind: Switch(mode, generation) for kind, mode, generation in rows},
        facts.get(session, "generation", 0),
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
    faults = kind_faults(file, home.catalogue)
    return SettingsFaults(str(file.path), tuple(faults)) if faults else file
