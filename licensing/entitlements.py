"""What a licence entitles to: values of four types, each with what is left of it once the licence is limited.

No type holds free text. A limited value is never more than the full one, and stands in the document, so that whoever
buys reads beforehand what would be taken away (issue 6). `ALWAYS` names what no licence can grant or take: nobody is
kept from signing in, from their data, from the audit, or from loading a licence.
"""

from collections.abc import Mapping
from typing import Annotated, Final

import msgspec

from audit.canonical import MAX_INTEGER

ALWAYS: Final = frozenset({"sign-in", "read-data", "export-data", "delete-data", "audit", "support", "load-licence"})

Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9-]{0,60}\Z")]
_Count = Annotated[int, msgspec.Meta(ge=0, le=MAX_INTEGER)]
_Period = Annotated[str, msgspec.Meta(pattern=r"^(minute|hour|day|month)\Z")]
_Choices = Annotated[list[Name], msgspec.Meta(min_length=1, max_length=100)]


class Flag(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="flag", tag_field="type"):
    """A function that is there or not."""

    limited: bool
    value: bool


class Limit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="limit", tag_field="type"):
    """At most so many at once; None is as many as one likes."""

    limited: _Count | None
    value: _Count | None


class Choice(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="choice", tag_field="type"):
    """One of a closed list, the least first."""

    limited: Name
    of: _Choices
    value: Name


class Rate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="rate", tag_field="type"):
    """At most so many in each period."""

    limited: _Count
    per: _Period
    value: _Count


Entitlement = Flag | Limit | Choice | Rate
Value = bool | int | str | None


def fault(name: str, one: Entitlement) -> str | None:
    """Say what is wrong with an entitlement beyond its form, or None."""
    if name in ALWAYS:
        return f"{name!r} is not for a licence to grant or to take"
    if isinstance(one, Choice) and (len(set(one.of)) != len(one.of) or not {one.value, one.limited} <= set(one.of)):
        return f"the values of {name!r} are not of its choices, or these are there twice"
    if _rank(one, one.limited) > _rank(one, one.value):
        return f"{name!r} would be more when limited than before"
    return None


def values(entitlements: Mapping[str, Entitlement], *, limited: bool) -> dict[str, Value]:
    """Return name → what it comes to, in full or limited."""
    return {name: one.limited if limited else one.value for name, one in entitlements.items()}


def _rank(one: Entitlement, value: Value) -> float:
    if value is None:
        return float("inf")
    return one.of.index(str(value)) if isinstance(one, Choice) else float(value)
