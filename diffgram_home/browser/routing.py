"""Finds the registered URL rule that an address of the product belongs to: the rule may leave, the address never.

The rules are those of the signed index (`/project/<int:project_id>`), with Werkzeug's converters. Where several fit,
the one with the most literal parts wins, as in Werkzeug. Linear in the parts of the address; no rule is compiled.
"""

from __future__ import annotations

from collections.abc import Iterable

from audit.types import NO_ROUTE

MOST_PARTS = 40


def rule_of(rules: Iterable[str], path: str) -> str:
    """The rule that fits the path, or `<route>`."""
    parts = path.split("/")
    if len(parts) > MOST_PARTS:
        return NO_ROUTE
    fitting = (rule for rule in rules if _fits(rule.split("/"), parts))
    return max(fitting, key=lambda rule: (_literal(rule), rule), default=NO_ROUTE)


def _literal(rule: str) -> int:
    return sum("<" not in part for part in rule.split("/"))


def _fits(rule: list[str], parts: list[str]) -> bool:
    for number, part in enumerate(rule):
        converter = part[1:-1].partition(":")[0].partition("(")[0] if part[:1] == "<" and part[-1:] == ">" else ""
        if converter == "path" and ":" in part:
            return len(parts) > number and any(parts[number:])
        if number >= len(parts) or not (_one(converter, part, parts[number]) if converter else part == parts[number]):
            return False
    return len(rule) == len(parts)


def _one(converter: str, part: str, value: str) -> bool:
    if ":" in part and converter in ("int", "float"):
        return value.isascii() and value.replace(".", "", converter == "float").isdigit()
    return bool(value)
