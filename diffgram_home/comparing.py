"""Compares definitions with what was decided about them here: what a release asks, before and after its installation.

The comparing is pure; `basis` reads the database. Rules:
- A definition is compared with the one that is approved under its name; that is what somebody agreed to. Not with the
  one installed: two releases' changes together are as much as they are together.
- What was decided about this very definition (approved, declined, allowed beforehand) is not asked again; nor is what
  leaves only in a request that a person sees and sends.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit import catalogue, difference
from audit.catalogue import REQUEST, Catalogue, Field
from audit.difference import Change
from diffgram_home import facts, rules
from diffgram_home.models import Approval, Definition

APPROVED, DECLINED, ALLOWED, WAITING, NONE = "approved", "declined", "allowed", "waiting", "none"


@dataclass(frozen=True, slots=True)
class Basis:
    """What was decided: name → the approved definition (None when its words were never kept here), and the rest."""

    approved: Mapping[str, Field | None]
    hashes: Mapping[str, frozenset[str]]
    declined: frozenset[tuple[str, str]]
    allowed: frozenset[str]

    def decided(self, field: Field) -> str | None:
        """What was decided about exactly this definition; None when it waits for a person."""
        if field.hash in self.hashes.get(field.name, frozenset()):
            return APPROVED
        if (field.name, field.hash) in self.declined:
            return DECLINED
        return ALLOWED if field.hash in self.allowed else None

    def change(self, field: Field) -> Change | None:
        """How the definition differs from the approved one; None where it does not."""
        if field.name in self.approved and self.approved[field.name] is None:
            detail = "another definition was approved, and its words were not kept: compare with that release"
            return Change(field.name, "changed", True, detail, ("other meaning",))
        return difference.field_change(self.approved.get(field.name), field)


@dataclass(frozen=True, slots=True)
class Asked:
    """One change that a release brings. `hash` is the new definition's, None for what is gone or is a kind.

    `decision` is of approved, declined, allowed, waiting, or none where there is nothing to decide. `renamed` names the
    field that goes while this one, of the same shape, comes.
    """

    name: str
    what: str
    aspects: tuple[str, ...]
    material: bool
    detail: str
    hash: str | None
    decision: str
    renamed: str | None = None

    @property
    def stops(self) -> bool:
        """Whether an upgrade pipeline has to stop for it: material, and not decided."""
        return self.material and self.decision == WAITING


def basis(session: Session, now: datetime) -> Basis:
    """What is decided `now`."""
    dated = Approval.expires_at.is_(None) | (Approval.expires_at > now)
    wanted = select(Approval).where(Approval.withdrawn_at.is_(None), dated).order_by(Approval.id)
    newest = {row.field: row.hash for row in session.scalars(wanted)}
    words: dict[str, bytes] = dict(session.execute(select(Definition.hash, Definition.data)).all())  # type: ignore[arg-type]
    approved = {name: _words(words.get(digest)) for name, digest in newest.items()}
    allowed = frozenset(facts.get(session, "allowed", {}))
    return Basis(approved, rules.consent_now(session, now).approved, rules.declined_now(session), allowed)


def release(new: Catalogue, installed: Catalogue, decided: Basis) -> tuple[Asked, ...]:
    """Everything that the catalogue `new` would change here, kinds first, by name."""
    kinds = tuple(
        Asked(c.name, c.what, c.aspects, c.material, c.detail, None, WAITING if c.material else NONE)
        for c in difference.kinds(installed, new)
    )
    fields = sorted(_fields(new, installed, decided), key=lambda asked: asked.name)
    gone = [installed.fields[asked.name] for asked in fields if asked.what == "removed"]
    return (*kinds, *(_with_old_name(asked, new, gone) for asked in fields))


def _fields(new: Catalogue, installed: Catalogue, decided: Basis) -> Iterator[Asked]:
    for name in new.fields.keys() | installed.fields.keys():
        before, after = installed.fields.get(name), new.fields.get(name)
        if after is None or after.removed:
            change = difference.field_change(before, after)
            if change is not None:
                yield Asked(name, change.what, change.aspects, change.material, change.detail, None, NONE)
        elif before is None or before.hash != after.hash:
            decision = NONE if after.case == REQUEST else decided.decided(after)
            change = difference.field_change(before, after) if decision else decided.change(after)
            if change is not None:
                detail = change.detail
                yield Asked(name, change.what, change.aspects, change.material, detail, after.hash, decision or WAITING)
        elif other := difference.method_change(installed, new, name):
            yield Asked(name, other.what, other.aspects, other.material, other.detail, after.hash, NONE)


def _with_old_name(asked: Asked, new: Catalogue, gone: list[Field]) -> Asked:
    if asked.what != "added":
        return asked
    field = new.fields[asked.name]
    old = next((other for other in gone if _shape(other) == _shape(field)), None)
    if old is None:
        return asked
    return Asked(
        asked.name,
        asked.what,
        asked.aspects,
        asked.material,
        f"{asked.detail}; of the same shape as '{old.name}', which goes",
        asked.hash,
        asked.decision,
        old.name,
    )


def _shape(field: Field) -> tuple[object, ...]:
    return (field.kinds, field.type, field.unit, field.purpose, field.params, field.explain)


def _words(data: bytes | None) -> Field | None:
    return None if data is None else catalogue.from_definition(data)
