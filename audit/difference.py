"""What a release changed in the catalogue: which changes are material, and which only edit words (design 4).

Material is anything that changes what leaves or why: a new field, a wider type, longer retention, another purpose, more
kinds, another recipient, another query behind a count. The lists of keys below are the whole rule. A key that is in
neither list cannot exist: the loader refuses it, and a test holds the two lists against the fields of `Field`.
Another method (the code that makes a value, `audit.method`) is told and not material: what may leave, and the query of
a count, is the same; decision 0027 says why.
`aspects` says in a closed list of words how a field changed, for people; whether it is material is not theirs to say.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from audit.catalogue import PARAMETERS, Catalogue, Field, Kind

EDITORIAL = frozenset({"brief", "example", "if_off", "owner", "since"})
MATERIAL = frozenset(
    {"key", "case", "kinds", "type", "unit", "purpose", "sensitivity", "identifies", "retention_days", "expires"}
    | {"explain", "params"}
)


ASPECTS = (
    *("added", "removed", "widened", "narrowed", "longer kept", "shorter kept", "other purpose", "other kinds"),
    *("other meaning", "other date", "other method", "editorial"),
)
_ASPECT = {"purpose": "other purpose", "kinds": "other kinds", "case": "other kinds", "expires": "other date"}
_WIDER_WITH_ALL = ("choices", "directories", "keys", "bounds")
_FINER = ("day", "hour", "minute", "second")


@dataclass(frozen=True, slots=True, order=True)
class Change:
    """One change. `what` is `added`, `removed`, `changed` or `reworded`; `detail` names keys and both values.

    `aspects` are of ASPECTS, in its order; none for a kind.
    """

    name: str
    what: str
    material: bool
    detail: str
    aspects: tuple[str, ...] = ()


def difference(old: Catalogue, new: Catalogue) -> tuple[Change, ...]:
    """Return every change from `old` to `new`, kinds first, in the order of their names."""
    return (*kinds(old, new), *sorted(_fields(old, new)))


def kinds(old: Catalogue, new: Catalogue) -> tuple[Change, ...]:
    """Return every change of a kind of message, by name."""
    return tuple(sorted(_kinds(old, new)))


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
        change = field_change(old.fields.get(name), new.fields.get(name))
        change = change or method_change(old, new, name)
        if change is not None:
            yield change


def method_change(old: Catalogue, new: Catalogue, name: str) -> Change | None:
    """Return how the making of a field changed whose definition did not; None where nothing did."""
    before, after = old.fields.get(name), new.fields.get(name)
    if before is None or after is None or after.removed or before.hash != after.hash:
        return None
    was, now = ({m.told(after.key) for m in one.made(after.key, *after.kinds)} for one in (old, new))
    if was == now:
        return None
    detail = f"made by {_some(was - now)} → {_some(now - was)}"
    return Change(name, "changed", False, detail, ("other method",))


def _some(made: set[str]) -> str:
    return ", ".join(sorted(made)) or "nothing stated"


def field_change(before: Field | None, after: Field | None) -> Change | None:
    """Return what became of one field; None where nothing did. One of the two may be missing."""
    if after is None or after.removed:
        if before is None or before.removed:
            return _removed_before(before, after)
        detail = "no longer sent" if after else "no longer listed: a removed field stays listed"
        return Change(before.name, "removed", False, detail, ("removed",))
    if before is None or before.removed:
        detail = f"{after.type}, {', '.join(after.purpose)}: {after.brief}"
        return Change(after.name, "added", True, detail, ("added",))
    return None if before.hash == after.hash else _between(before, after)


def _removed_before(before: Field | None, after: Field | None) -> Change | None:
    """A field that was sent by neither: only an edit of its words, or its leaving the list, is left to tell."""
    if before is None or (after is not None and before.hash == after.hash):
        return None
    if after is None:
        return Change(before.name, "removed", False, "no longer listed: a removed field stays listed", ("removed",))
    return _between(before, after)


def _between(before: Field, after: Field) -> Change:
    changed = [key for key in sorted(MATERIAL | EDITORIAL) if getattr(before, key) != getattr(after, key)]
    detail = "; ".join(f"{key} {_shown(before, key, after)} → {_shown(after, key, before)}" for key in changed)
    material = bool(MATERIAL & set(changed))
    found = {aspect for key in changed for aspect in _aspects(key, before, after)}
    ordered = tuple(aspect for aspect in ASPECTS if aspect in found)
    return Change(after.name, "changed" if material else "reworded", material, detail, ordered)


def _aspects(key: str, before: Field, after: Field) -> Iterator[str]:
    """Name how one key of a definition changed."""
    if key in EDITORIAL:
        yield "editorial"
    elif key == "retention_days":
        yield "longer kept" if after.retention_days > before.retention_days else "shorter kept"
    elif key == "params":
        names = before.params.keys() | after.params.keys()
        yield from {way for name in names if (way := _way(name, before.params.get(name), after.params.get(name)))}
    else:
        yield _ASPECT.get(key, "other meaning")


def _way(name: str, before: Any, after: Any) -> str | None:
    """Say whether a parameter lets more through or less; what cannot be told is another meaning."""
    if before == after:
        return None
    if name == "transforms":  # whoever may choose from more can let less through
        return "narrowed" if set(before or ()) < set(after or ()) else "widened"
    if name == "key_column" or before is None or after is None:
        return "other meaning"
    if name in _WIDER_WITH_ALL:
        return "narrowed" if set(after) < set(before) else "widened"
    if name == "precision":
        before, after = _FINER.index(before), _FINER.index(after)
    return "widened" if (after > before) == (name != "minimum") else "narrowed"


def _shown(field: Field, key: str, beside: Field) -> str:
    """The value of `key`; of parameters, those that are not the same in `beside`."""
    value = getattr(field, key)
    if key == "params":
        told = [name for name in PARAMETERS if name in value and value[name] != beside.params.get(name)]
        return ", ".join(f"{name}={value[name]}" for name in told) or "none"
    return ", ".join(value) if isinstance(value, tuple) else repr(value)
