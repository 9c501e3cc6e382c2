"""Messages judged together: those of one kind with the same keys are looked at column by column, not one by one.

A batch is nearly always a few shapes repeated a thousand times. What passes here is exactly what passes one by one; a
group in which anything does not pass is given back to be judged message by message, which says what and why.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from audit._plan import Plan
from audit.types import Check

Shape = tuple[Any, ...]
"""(position of the switch, kind, keys in their order …); `()` stands for messages without a kind that is a text."""
ODD: Shape = ()

# Equal values of one of these types are the same value, so each needs one look. Not so across types: 1 == True == 1.0.
_ONE_LOOK = ({int}, {str}, {bool})


def group(messages: Iterable[tuple[int, Mapping[str, Any]]]) -> dict[Shape, list[int]]:
    """Return shape → positions of its messages, shapes in the order of their first message."""
    found: dict[Shape, list[int]] = {}
    last: tuple[int, Any, tuple[str, ...]] | None = None
    positions: list[int] = []
    for position, (generation, message) in enumerate(messages):
        kind, keys = message.get("kind"), tuple(message)
        if (generation, kind, keys) != last or type(kind) is not str:
            last = generation, kind, keys
            shape = (generation, kind, *keys) if type(kind) is str else ODD
            positions = found.setdefault(shape, [])
        positions.append(position)
    return found


def columns(messages: Sequence[Mapping[str, Any]]) -> dict[str, tuple[Any, ...]]:
    """Return key → values, of messages of one shape."""
    return dict(zip(messages[0], zip(*(message.values() for message in messages), strict=True), strict=True))


def all_pass(
    values: Mapping[str, Sequence[Any]], plan: Plan, checks: Mapping[str, Check], names: Iterable[str]
) -> bool:
    """Say whether every value of the columns `names` passes the check of its column."""
    return all(_spanned(values[name], plan.spans.get(name)) or _passes(checks[name], values[name]) for name in names)


def all_within(values: Mapping[str, Sequence[str]], plan: Plan, window: tuple[str, str]) -> bool:
    """Say whether every instant of the columns lies between the first and the last day of `window`."""
    first, last = window
    return all(first <= value[:10] <= last for name in plan.instants if name in values for value in set(values[name]))


def _passes(check: Check, values: Sequence[Any]) -> bool:
    look = set(values) if set(map(type, values)) in _ONE_LOOK else values
    return all(map(check, look))


def _spanned(values: Sequence[Any], span: tuple[int, int] | None) -> bool:
    """Say whether all are whole numbers within a span that passes as it is; if not, some may pass nevertheless."""
    if span is None or set(map(type, values)) != {int}:
        return False
    low, high = span
    return bool(low <= min(values) and max(values) <= high)
