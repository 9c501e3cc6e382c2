"""Reads `[cases]`, `[kinds]`, `[fields]`, `[transforms]` and `[policy]`: what is switched, and how fields leave.

Names of kinds and fields are not judged here: `home.py` knows the catalogue. For `settings` only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from audit.modes import DEFAULTS, MODES
from audit.transforms import FORMS
from diffgram_home.settings._checking import is_hex64, is_transform
from diffgram_home.settings._table import Table

FIELD_MODES = ("off", "on")
_POLICIES = ("withhold", "stop")


@dataclass(frozen=True, slots=True)
class Policy:
    """What to do when a release changes what may leave, and the definitions that may be approved beforehand.

    `allow` are definition hashes. A hash counts only once somebody with the role `security` has recorded it
    (`consenting.allow`): the file alone widens nothing.
    """

    on_material_change: str
    allow: tuple[str, ...]


def cases(table: Table) -> Mapping[str, str]:
    """Case → mode; faults are collected in the table."""
    found = {case: table.choice(case, modes, DEFAULTS[case]) for case, modes in MODES.items()}
    table.finish()
    return MappingProxyType(found)


def kinds(table: Table) -> Mapping[str, str]:
    """Kind → mode; faults are collected in the table."""
    modes = tuple(dict.fromkeys(mode for modes in MODES.values() for mode in modes))
    return MappingProxyType({kind: table.choice(kind, modes, "off") for kind in table.values})


def fields(table: Table) -> Mapping[str, str]:
    """Field → mode; faults are collected in the table."""
    return MappingProxyType({name: table.choice(name, FIELD_MODES, "off") for name in table.values})


def transforms(table: Table) -> Mapping[str, str]:
    """Field → transform, each in the form that one has; faults are collected in the table."""
    hint = f"one that its definition permits: {'; '.join(FORMS.values())}"
    return MappingProxyType({name: table.text(name, pattern_hint=hint, check=is_transform) for name in table.values})


def policy(table: Table) -> Policy:
    """`[policy]`; faults are collected in the table."""
    found = Policy(
        on_material_change=table.choice("on_material_change", _POLICIES, _POLICIES[0]),
        allow=table.texts("allow", pattern_hint="definition hashes, 64 hex digits each", check=is_hex64),
    )
    table.finish()
    return found
