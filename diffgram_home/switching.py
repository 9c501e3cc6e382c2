"""Changes modes, fields, transforms and policy: takes over what the settings file says, records it, tells the products,
voids what may no longer go.

The file is the customer's; it is edited by hand and by `set_mode` alike, and comments survive. Rules:
- A change is a ledger record (who, when, from, to) and a new generation for every kind whose effective mode moved;
  nothing collected under an earlier generation ever leaves (audit.modes).
- Crash points: the file is replaced by rename first; the record follows with the next `apply`, which any process may
  run. Until then `rules` holds to the narrower of the two. Products learn last when a mode widens and first when it
  narrows, so that nothing is collected that the record does not allow.
- What a case asks for before sending (`levels`) is raised by the file, and never lowered by it alone.
- A field can be switched off alone, and on again as far as it is approved; its kinds' generations do not move by that,
  nor by the transform that is chosen for a field.
- An unreadable file turns all off, with a notice, until it can be read again; generations do not move for that.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import delete
from sqlalchemy.orm import Session

from audit import instructions, record
from audit import modes as audit_modes
from audit.catalogue import REQUEST
from audit.modes import Modes, effective, narrowed
from diffgram_home import (
    approvals,
    counting,
    editing,
    facts,
    instructing,
    levels,
    locks,
    modefile,
    rules,
    sealing,
    settings,
    upgrading,
)
from diffgram_home.errors import SettingsFaults
from diffgram_home.home import Home
from diffgram_home.ledger import append
from diffgram_home.models import Switch as SwitchRow
from diffgram_home.settings import Settings

UNREADABLE = "settings-unreadable"
ALL_OFF: Mapping[str, str] = audit_modes.ALL_OFF.cases


@dataclass(frozen=True, slots=True)
class Change:
    """One moved switch: of a case, or of one kind in it."""

    case: str
    kind: str | None
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field that was switched off, or on again."""

    field: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class TransformChange:
    """One field of which another transform was chosen, or none any more."""

    field: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Applied:
    """What `apply` did: the changes, whether the file could be read, and how many batches were voided.

    `recorded` says that something was written down, be it only another policy.
    """

    changes: tuple[Change, ...]
    readable: bool
    voided: int
    fields: tuple[FieldChange, ...] = ()
    transforms: tuple[TransformChange, ...] = ()
    recorded: bool = False


def apply(home: Home, now: datetime, actor: str | None = None) -> Applied:
    """Take over what the file says now; cheap when nothing changed. Raises StoreError.

    `actor` is the person who asked, `person:N` or `os:uid`; without one it is the owner of the file.
    """
    with _alone(home):
        applied = _apply(home, now, actor)
    if not applied.recorded:
        return applied
    return replace(applied, voided=sealing.void_refused(home, now))


def _apply(home: Home, now: datetime, actor: str | None) -> Applied:
    instructing.end_what_is_over(home, now)
    file = rules.read_file(home)
    if isinstance(file, SettingsFaults):
        return _go_dark(home, file, now)
    with home.store.read() as session:
        was = rules.applied(session)
        dark = facts.get(session, "dark", False)
        asks = instructing.asks(session)
        asked_before = approvals.standing(session)
    wanted = effective(home.catalogue, *instructions.modes(asks, file.cases, file.kinds))
    levels_same = levels.is_taken_over(asked_before, file.approval.levels, file.approval.expires_h)
    if not dark and levels_same and _same(was, file, wanted):
        _tell_products(home, Modes(dict(file.cases), was.switches), now, file.fields_off)
        return Applied((), True, 0)
    was_off = {name for name, mode in was.fields.items() if mode == "off"}
    _tell_products(home, _narrowed(was, wanted), now, file.fields_off | was_off)
    applied, modes = _record(home, file, wanted, now, actor)
    _tell_products(home, modes, now, file.fields_off)
    return applied


def set_mode(home: Home, case: str, kind: str | None, mode: str, actor: str, now: datetime) -> Applied:
    """Write a mode into the file, comments kept, and apply it; raises SettingsFaults, StoreError, or ValueError."""
    _check_mode(home, case, kind, mode)
    write(home, "cases" if kind is None else "kinds", {kind or case: mode})
    return apply(home, now, actor)


def all_off(home: Home, actor: str, now: datetime) -> Applied:
    """Every case off, licensing offline, which is the least it has, in one edit of the file; raises as `set_mode`."""
    file = rules.read_file(home)
    if isinstance(file, SettingsFaults):
        raise file
    if dict(file.cases) != dict(ALL_OFF):
        with _alone(home):
            editing.edit(home, "cases", ALL_OFF)
    return apply(home, now, actor)


def set_fields(home: Home, names: Sequence[str], mode: str, actor: str, now: datetime) -> Applied:
    """Write `off` or `on` for these fields into the file, comments kept, and apply it; raises as `set_mode`.

    A field that is `on` leaves as far as it is approved: `on` takes a narrowing back, and nothing else.
    """
    known = home.catalogue.fields
    unknown = sorted(name for name in names if name not in known or known[name].case == REQUEST)
    if unknown:
        raise ValueError(f"no field {', '.join(map(repr, unknown))}; 'diffgram-home fields' lists them")
    if mode not in settings.FIELD_MODES:
        raise ValueError(f"a field cannot be '{mode}'; write one of {', '.join(settings.FIELD_MODES)}")
    write(home, "fields", dict.fromkeys(names, mode))
    return apply(home, now, actor)


def set_transform(home: Home, name: str, word: str | None, actor: str, now: datetime) -> Applied:
    """Write the transform of a field into the file, or take it out, comments kept, and apply it; raises as `set_mode`.

    Batches that wait, and whose values are finer than that, are voided, and their messages sealed again.
    """
    known = home.catalogue.fields.get(name)
    if known is None or known.removed or not known.transforms:
        raise ValueError(f"no field '{name}' that permits a transform; 'diffgram-home fields --long' lists them")
    if word is not None and word not in known.transforms:
        raise ValueError(f"'{name}' cannot have '{word}'; its definition permits {', '.join(known.transforms)}")
    write(home, "transforms", {name: word})
    return apply(home, now, actor)


def write(home: Home, section: str, values: Mapping[str, str | None]) -> None:
    """Write values under `section` into the file, comments kept; `apply` makes them hold. Raises as `set_mode`."""
    with _alone(home):  # or of two people who switch at once, one would write back what the other had just changed
        editing.edit(home, section, values)


def _check_mode(home: Home, case: str, kind: str | None, mode: str) -> None:
    if case not in audit_modes.MODES:
        raise ValueError(f"no case '{case}'; the cases are {', '.join(audit_modes.MODES)}")
    known = home.catalogue.kinds.get(kind) if kind else None
    if kind and (known is None or known.case != case or known.removed):
        raise ValueError(f"case '{case}' has no kind '{kind}'; 'diffgram-home fields' lists them")
    allowed = audit_modes.KIND_MODES if kind else audit_modes.MODES[case]
    if mode not in allowed:
        raise ValueError(f"'{kind or case}' cannot be '{mode}'; write one of {', '.join(allowed)}")


def _record(
    home: Home, file: Settings, wanted: dict[str, str], now: datetime, actor: str | None
) -> tuple[Applied, Modes]:
    """Write changes, generation and switches in one transaction; another process may have done it first."""
    with home.store.write() as session:
        was = rules.applied(session)
        before = Modes(was.cases, was.switches)
        modes, generation = audit_modes.advance(before, file.cases, wanted, was.generation)
        changes = _changes(home, was, file, facts.get(session, "dark", False))
        who, source = (actor, "person") if actor else (f"os:{home.settings.path.stat().st_uid}", "file")
        for change in changes:
            _append(session, change, who, source, generation, now)
        fields = _record_fields(session, was, file, who, source, now)
        chosen = _record_transforms(session, was, file, who, source, now)
        _record_policy(home, session, was, file, who, now)
        levels.take_over(session, file.approval.levels, file.approval.expires_h, who, source, now)
        session.execute(delete(SwitchRow))
        session.add_all(SwitchRow(kind=k, mode=s.mode, generation=s.generation) for k, s in modes.kinds.items())
        facts.put(session, "cases", dict(file.cases))
        facts.put(session, "kinds", dict(file.kinds))
        facts.put(session, "generation", generation)
        facts.put(session, "dark", False)
        counting.end_notice(session, now, UNREADABLE)
    return Applied(changes, True, 0, fields, chosen, recorded=True), modes


def _record_fields(
    session: Session, was: rules.Applied, file: Settings, actor: str, source: str, now: datetime
) -> tuple[FieldChange, ...]:
    """Write down which fields were switched."""
    names = sorted(was.fields.keys() | file.fields.keys())
    moves = [FieldChange(name, was.fields.get(name, "on"), file.fields.get(name, "on")) for name in names]
    changes = tuple(move for move in moves if move.before != move.after)
    for change in changes:
        entry = record.Switch(
            actor=actor,
            at=record.instant(now),
            field=change.field,
            from_=change.before,  # type: ignore[arg-type]
            source=source,  # type: ignore[arg-type]
            to=change.after,  # type: ignore[arg-type]
        )
        append(session, entry)
    facts.put(session, "fields", dict(file.fields))
    return changes


def _record_transforms(
    session: Session, was: rules.Applied, file: Settings, actor: str, source: str, now: datetime
) -> tuple[TransformChange, ...]:
    """Write down of which fields another transform was chosen."""
    names = sorted(was.transforms.keys() | file.transforms.keys())
    moves = [TransformChange(name, was.transforms.get(name), file.transforms.get(name)) for name in names]
    changes = tuple(move for move in moves if move.before != move.after)
    for change in changes:
        entry = record.Transform(
            actor=actor,
            at=record.instant(now),
            field=change.field,
            from_=change.before,
            source=source,  # type: ignore[arg-type]
            to=change.after,
        )
        append(session, entry)
    facts.put(session, "transforms", dict(file.transforms))
    return changes


def _record_policy(home: Home, session: Session, was: rules.Applied, file: Settings, actor: str, now: datetime) -> None:
    """Write down another policy. A definition that it names no more has to be allowed anew if it is named again."""
    after = file.policy
    facts.put(session, "policy", {"on_material_change": after.on_material_change, "allow": list(after.allow)})
    if (was.on_material_change, was.allow) == (after.on_material_change, after.allow):
        return
    allowed = facts.get(session, "allowed", {})
    facts.put(session, "allowed", {digest: by for digest, by in allowed.items() if digest in after.allow})
    entry = record.Policy(
        actor=actor,
        allow=list(after.allow) or None,
        at=record.instant(now),
        from_=was.on_material_change,  # type: ignore[arg-type]
        to=after.on_material_change,  # type: ignore[arg-type]
    )
    append(session, entry)
    upgrading.tell(home, session, now)


def _go_dark(home: Home, faults: SettingsFaults, now: datetime) -> Applied:
    """All off, loudly: products first, then a notice, and once a record."""
    _tell_products(home, audit_modes.ALL_OFF, now)
    with home.store.read() as session:
        if facts.get(session, "dark", False):
            return Applied((), False, 0)
    with home.store.write() as session:
        was = rules.applied(session)
        changes = tuple(
            Change(case, None, mode, audit_modes.ALL_OFF.cases[case])
            for case, mode in was.cases.items()
            if mode != audit_modes.ALL_OFF.cases[case]
        )
        for change in changes:
            _append(session, change, "home", "unreadable", was.generation, now)
        facts.put(session, "dark", True)
        text = f"the settings cannot be read, so everything is off: {'; '.join(map(str, faults.faults))}"
        counting.notice(session, now, UNREADABLE, faults.path, text, "correct the file; it acts without a restart")
    return Applied(changes, False, 0)


def _changes(home: Home, was: rules.Applied, file: Settings, dark: bool) -> tuple[Change, ...]:
    first = audit_modes.ALL_OFF.cases
    before = first if dark else {case: was.cases.get(case, first[case]) for case in first}
    changes = [Change(c, None, before[c], after) for c, after in file.cases.items() if before[c] != after]
    for kind in sorted(was.own.keys() | file.kinds.keys()):
        old, new = was.own.get(kind, "on"), file.kinds.get(kind, "on")
        stated = home.catalogue.kinds.get(kind)
        if old != new and stated is not None:
            changes.append(Change(stated.case, kind, old, new))
    return tuple(changes)


def _append(session: Session, change: Change, actor: str, source: str, generation: int, now: datetime) -> None:
    entry = record.Mode(
        actor=actor,
        at=record.instant(now),
        case=change.case,  # type: ignore[arg-type]
        from_=change.before,  # type: ignore[arg-type]
        generation=generation,
        kind=change.kind,
        source=source,  # type: ignore[arg-type]
        to=change.after,  # type: ignore[arg-type]
    )
    append(session, entry)


def _tell_products(home: Home, modes: Modes, now: datetime, off: frozenset[str] = frozenset()) -> None:
    """Write the mode file; where that fails products keep reading the old one, so it is said loudly."""
    path = home.settings.spool.folder / modefile.NAME
    try:
        modefile.write(path, modes, off)
    except OSError as error:
        with home.store.write() as session:
            text = f"cannot write the mode file '{path}': {error.strerror}; products collect as before"
            hint = f"let the user {os.geteuid()} write in '{path.parent}'"
            counting.notice(session, now, "mode-file", str(path), text, hint)
        home.cache["mode file failed"] = True
        return
    if home.cache.pop("mode file failed", False):
        with home.store.write() as session:
            counting.end_notice(session, now, "mode-file")


def _narrowed(was: rules.Applied, wanted: dict[str, str]) -> Modes:
    """What holds both before and after the change: products hear of it before it is recorded."""
    return Modes({}, {kind: narrowed(was.switches.get(kind, audit_modes.OFF), mode) for kind, mode in wanted.items()})


def _alone(home: Home) -> AbstractContextManager[bool]:
    """One thread of one process at a time, so that an older state is never written over a newer one."""
    return locks.alone(home.settings.folder / "modes.lock", wait_s=math.inf, every_s=0.02)


def _same(was: rules.Applied, file: Settings, wanted: dict[str, str]) -> bool:
    return (
        was.cases == dict(file.cases)
        and was.own == dict(file.kinds)
        and was.fields == dict(file.fields)
        and was.transforms == dict(file.transforms)
        and (was.on_material_change, was.allow) == (file.policy.on_material_change, file.policy.allow)
        and {kind: switch.mode for kind, switch in was.switches.items()} == wanted
    )
