"""What a release changed in the catalogue: which changes are material, and which only edit words (design 4).

Material is anything that changes what leaves or why: a new field, a wider type, longer retention, another purpose, more
kinds, another recipient, another query behind a count. The lists of keys below are the whole rule. A key that is in
neither list cannot exist: the loader refuses it, and a test holds the two lists against the fields of `Field`.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from audit.catalogue import PARAMETERS, Catalogue, Field, Kind

EDITORIAL = frozenset({"brief", "example", "if_off", "owner", "since"})
MATERIAL = frozenset(
    {"key", "case", "kinds", "type", "unit", "purpose", "sensitivity", "identifies", "retention_days", "expires"}
    | {"explain", "params"}
)


@dataclass(frozen=True, slots=True, order=True)
class Change:
    """One change. `what` is `added`, `removed`, `changed` or `reworded`; `detail` names keys and both values."""

    name: str
    what: str
    material: bool
    detail: str


def difference(old: Catalogue, new: Catalogue) -> tuple[Change, ...]:
    """Return every change from `old` to `new`, kinds first, in the order of their names."""
    kinds = sorted(_kinds(old, new))
    return (*kinds, *sorted(_fields(old, new)))


def is_material(changes: tuple[Change, ...]) -> bool:
    """Say whether an upgrade pipeline should stop and ask."""
    return any(change.material for change in changes)


def _kinds(old: Catalogue, new: Catalogue) -> Iterator[Change]:
    for name in old.kinds.keys() | new.kinds.keys():
        before, after = old.kinds.get(name), new.kinds.get(name)
        if after is None or (after.removed and before and not before.removed):
            yield Change(name, "removed", False, "messages of this kind no longer exist")
        elif before is None:
            yield Change(name, "added", True, f"case {after.case}: {after.brief}")
        elif before != after:
            yield _kind_change(before, after)


def _kind_change(before: Kind, after: Kind) -> Change:
    if before.case != after.case or (before.removed and not after.removed):
        return Change(after.name, "changed", True, f"case {before.case} → {after.case}")
    return Change(after.name, "reworded", False, f"{before.brief!r} → {after.brief!r}")


def _fields(old: Catalogue, new: Catalogue) -> Iterator[Change]:
    for name in old.fields.keys() | new.fields.keys():
        before, after = old.fields.get(name), new.fields.get(name)
        if after is None or (after.removed and before and not before.removed):
            yield Change(
                name, "removed", False, "no longer sent" if after else "no longer listed: a removed field stays listed"
            )
        elif before is None or (before.removed and not after.removed):
            yield Change(name, "added", True, f"{after.type}, {', '.join(after.purpose)}: {after.brief}")
        elif before.hash != after.hash:
            yield _field_change(before, after)


def _field_change(before: Field, after: Field) -> Change:
    changed = [key for key in sorted(MATERIAL | EDITORIAL) if getattr(before, key) != getattr(after, key)]
    detail = "; ".join(f"{key} {_shown(before, key)} → {_shown(after, key)}" for key in changed)
    material = bool(MATERIAL & set(changed))
    return Change(after.name, "changed" if material else "reworded", material, detail)


def _shown(field: Field, key: str) -> str:
    value = getattr(field, key)
    if key == "params":
        return ", ".join(f"{name}={value[name]}" for name in PARAMETERS if name in value) or "none"
    return ", ".join(value) if isinstance(value, tuple) else repr(value)
