"""Whether messages hold nothing beyond their declaration: by columns where all are alike, else one by one.

Both ways find the same (decision 0009); a property test holds them equal.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from audit import transforms
from audit._batch import UNDECLARED
from audit._columns import ODD, Shape, all_pass, all_within, columns
from audit._plan import Plan
from audit.catalogue import HEADER, Catalogue


@dataclass(frozen=True, slots=True)
class Terms:
    """What the messages of one batch are held to: its case, each kind's declaration, first and last day."""

    case: str
    plans: Mapping[str, Plan]
    window: tuple[str, str]


def hold(terms: Terms, shape: Shape, alike: Sequence[Mapping[str, Any]]) -> bool:
    """Say whether messages of one shape hold nothing beyond their declaration; the same as `find` of each."""
    if shape == ODD:
        return False
    _, kind, *keys = shape
    plan = terms.plans.get(kind)
    if plan is None or plan.case != terms.case or "at" not in keys:
        return False
    names = [key for key in keys if key != "kind"]
    if not all(name in plan.declared for name in names):
        return False
    values = columns(alike)
    return all_pass(values, plan, plan.declared, names) and all_within(values, plan, terms.window)


def find(terms: Terms, message: Mapping[str, Any], findings: Counter[str]) -> None:
    """Count what a message holds beyond its declaration, by key path cut at the last declared key."""
    kind = message.get("kind")
    plan = terms.plans.get(kind) if isinstance(kind, str) else None
    if plan is None or plan.case != terms.case:
        findings[UNDECLARED] += 1
        return
    first, last = terms.window
    for key, value in message.items():
        if key == "kind":
            continue
        made = plan.declared.get(key)
        if made is None:
            findings[f"{kind}.{UNDECLARED}"] += 1
        elif not made(value) or (key in plan.instants and not first <= value[:10] <= last):
            findings[f"{kind}.{key}.{UNDECLARED}"] += 1
    if "at" not in message:
        findings[f"{kind}.at"] += 1


def find_finer(
    told: Mapping[str, str], catalogue: Catalogue, messages: Sequence[Mapping[str, Any]], findings: Counter[str]
) -> None:
    """Count values that cannot stand in a batch whose header says that a transform was used on them.

    `told` names only transforms that the catalogue permits; one of a field that no message here could carry is a
    finding itself.
    """
    kinds = {message["kind"] for message in messages}
    for name, word in told.items():
        stated = catalogue.fields[name]
        chosen = transforms.choose(name, word, stated.type, stated.params)
        if not kinds.intersection(stated.kinds):
            findings[f"{HEADER}.transforms.{UNDECLARED}"] += 1
        for kind in kinds.intersection(stated.kinds):
            values = [message[stated.key] for message in messages if message["kind"] == kind and stated.key in message]
            finer = transforms.strangers(chosen, values)
            if finer:
                findings[f"{kind}.{stated.key}.{UNDECLARED}"] += finer
