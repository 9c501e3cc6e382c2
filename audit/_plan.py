"""How the gate checks messages of one kind: plans, compiled from catalogue, index and consent.

A plan maps each key to its check, so that judging a message is a look-up and a call for each value.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from audit.catalogue import Catalogue, Field
from audit.consent import Consent
from audit.index import Index
from audit.types import TYPES, WHOLE, Check


@dataclass(frozen=True, slots=True)
class Plan:
    """One kind: key → check for its declared fields, and for those that may leave; why the others may not.

    `spans` has lowest and highest value of whole numbers that pass whatever else their check allows.
    """

    case: str
    declared: Mapping[str, Check]
    allowed: Mapping[str, Check]
    withheld: Mapping[str, tuple[str, str]]
    instants: tuple[str, ...]
    spans: Mapping[str, tuple[int, int]]


def compile_plans(catalogue: Catalogue, index: Index, consent: Consent | None, today: date) -> dict[str, Plan]:
    plans = {}
    for kind in catalogue.kinds.values():
        if kind.removed:
            continue
        fields = catalogue.of_kind(kind.name)
        checks = {key: TYPES[f.type].make(f.params, index) for key, f in fields.items()}
        stopped = {key: (why, f.name) for key, f in fields.items() if (why := _stopped(f, consent, today))}
        allowed = {key: made for key, made in checks.items() if key not in stopped}
        instants = tuple(key for key, f in fields.items() if f.type == "instant")
        spans = {key: WHOLE[f.type](f.params) for key, f in fields.items() if f.type in WHOLE}
        plans[kind.name] = Plan(kind.case, checks, allowed, stopped, instants, spans)
    return plans


def _stopped(stated: Field, consent: Consent | None, today: date) -> str | None:
    if consent is None:
        return None
    if stated.expired(today):
        return "expired"
    return consent.refuses(stated)


_recent: dict[tuple[str, str], dict[str, Plan]] = {}


def compiled(catalogue: Catalogue, index: Index) -> dict[str, Plan]:
    """Return plans without consent, remembered for the few catalogues in use; keyed by content, so never stale."""
    key = (catalogue.hash, index.hash)
    if key not in _recent:
        if len(_recent) >= 64:
            _recent.clear()
        _recent[key] = compile_plans(catalogue, index, None, date.min)
    return _recent[key]
