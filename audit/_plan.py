"""How the gate checks messages of one kind: plans, compiled from catalogue, index and consent.

A plan maps each key to its check, so that judging a message is a look-up and a call for each value.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from audit import transforms
from audit.catalogue import TELLING, Catalogue, Field
from audit.consent import Consent
from audit.index import Index
from audit.transforms import Change, Chosen
from audit.types import TYPES, WHOLE, Check


@dataclass(frozen=True, slots=True)
class Plan:
    """One kind: key → check for its declared fields, and for those that may leave; why the others may not.

    `spans` has lowest and highest value of whole numbers that pass whatever else their check allows. `chosen` has the
    customer's transforms: those in `each` change one value, those in `over` look over the messages of a batch.
    """

    case: str
    declared: Mapping[str, Check]
    allowed: Mapping[str, Check]
    withheld: Mapping[str, tuple[str, str]]
    instants: tuple[str, ...]
    spans: Mapping[str, tuple[int, int]]
    chosen: Mapping[str, Chosen] = field(default_factory=dict)
    each: Mapping[str, Change] = field(default_factory=dict)
    over: Mapping[str, Chosen] = field(default_factory=dict)


def compile_plans(catalogue: Catalogue, index: Index, consent: Consent | None, today: date) -> dict[str, Plan]:
    return {
        kind.name: _plan(kind.name, kind.case, catalogue, index, consent, today)
        for kind in catalogue.kinds.values()
        if not kind.removed
    }


def _plan(kind: str, case: str, catalogue: Catalogue, index: Index, consent: Consent | None, today: date) -> Plan:
    fields = catalogue.of_kind(kind)
    checks = {key: _check(f, catalogue, index) for key, f in fields.items()}
    stopped = {key: why for key, f in fields.items() if (why := _stopped(f, catalogue, consent, today))}
    allowed = {key: made for key, made in checks.items() if key not in stopped}
    instants = tuple(key for key, f in fields.items() if f.type == "instant")
    spans = {key: WHOLE[f.type](f.params) for key, f in fields.items() if f.type in WHOLE}
    words = consent.transforms if consent is not None else {}
    chosen = {
        key: transforms.choose(f.name, words[f.name], f.type, f.params)
        for key, f in fields.items()
        if key in allowed and f.name in words
    }
    each = {key: one.change for key, one in chosen.items() if one.change is not None}
    over = {key: one for key, one in chosen.items() if one.change is None}
    return Plan(case, checks, allowed, stopped, instants, spans, chosen, each, over)


def _check(stated: Field, catalogue: Catalogue, index: Index) -> Check:
    """The check of a field's values; of the one that tells transforms, whose values are names of other fields."""
    if stated.name == TELLING:
        return lambda value: _are_told(value, catalogue)
    return TYPES[stated.type].make(stated.params, index)


def _are_told(value: Any, catalogue: Catalogue) -> bool:
    """Whether each is a transform that the catalogue permits for the field, in the one order: by name."""
    return (
        type(value) is dict
        and bool(value)
        and list(value) == sorted(value)
        and all(
            name in catalogue.fields and type(word) is str and word in catalogue.fields[name].transforms
            for name, word in value.items()
        )
    )


def _stopped(stated: Field, catalogue: Catalogue, consent: Consent | None, today: date) -> tuple[str, str] | None:
    if consent is None:
        return None
    if stated.expired(today):
        return "expired", stated.name
    reason = consent.refuses(stated)
    if reason is not None:
        return reason, stated.name
    word = consent.transforms.get(stated.name)
    if word is None:
        return None
    if word not in stated.transforms:
        return "transform-not-permitted", stated.name
    telling = catalogue.fields.get(TELLING)
    return None if telling is not None and consent.allows(telling) else ("not-approved", TELLING)


_recent: dict[tuple[str, str], dict[str, Plan]] = {}


def compiled(catalogue: Catalogue, index: Index) -> dict[str, Plan]:
    """Return plans without consent, remembered for the few catalogues in use; keyed by content, so never stale."""
    key = (catalogue.hash, index.hash)
    if key not in _recent:
        if len(_recent) >= 64:
            _recent.clear()
        _recent[key] = compile_plans(catalogue, index, None, date.min)
    return _recent[key]
