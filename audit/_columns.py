"""Messages judged together: those of one kind with the same keys are looked at column by column, not one by one.

A batch is nearly always a few shapes repeated a thousand times. What passes here is exactly what passes one by one; a
group in which anything does not pass is given back to be judged message by message, which says what and why.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import repeat
from operator import methodcaller
from typing import Any, TypeVar

from audit._plan import Plan
from audit.types import Check

T = TypeVar("T")
Message = Mapping[str, Any]
Shape = tuple[Any, ...]
"""(position of the switch, kind, keys in their order …); `()` stands for messages without a kind that is a text."""
ODD: Shape = ()
_values = methodcaller("values")

# Equal values of one of these types are the same value, so each needs one look. Not so across types: 1 == True == 1.0.
_ONE_LOOK = ({int}, {str}, {bool})


def group(messages: Sequence[Message], generations: Sequence[int] = ()) -> dict[Shape, Sequence[int]]:
    """Return shape → positions of its messages, shapes in the order of their first message."""
    shape = _only(messages, generations)
    if shape is not None:
        return {shape: range(len(messages))}
    found: dict[Shape, Sequence[int]] = {}
    last: tuple[int, Any, tuple[str, ...]] | None = None
    positions: list[int] = []
    for position, (message, generation) in enumerate(zip(messages, generations or repeat(0), strict=False)):
        kind, keys = message.get("kind"), tuple(message)
        if (generation, kind, keys) != last or type(kind) is not str:
            last = generation, kind, keys
            shape = (generation, kind, *keys) if type(kind) is str else ODD
            positions = found.setdefault(shape, [])  # type: ignore[assignment]  # only lists are put in here
        positions.append(position)
    return found


def _only(messages: Sequence[Message], generations: Sequence[int]) -> Shape | None:
    """Return the shape that all messages have, if there is one: a batch is most often of one shape throughout."""
    keys = tuple(messages[0]) if messages else ()
    if "kind" not in keys or len(set(generations)) > 1 or list(map(tuple, messages)).count(keys) != len(messages):
        return None
    kinds = [message["kind"] for message in messages]
    if set(map(type, kinds)) != {str} or kinds.count(kinds[0]) != len(kinds):
        return None
    return (generations[0] if generations else 0, kinds[0], *keys)


def chosen(messages: Sequence[T], positions: Sequence[int]) -> Sequence[T]:
    """Return the messages at `positions`, which ascend."""
    return messages if len(positions) == len(messages) else [messages[position] for position in positions]


def columns(messages: Sequence[Message]) -> dict[str, tuple[Any, ...]]:
    """Return key → values, of messages of one shape."""
    return dict(zip(messages[0], zip(*map(_values, messages), strict=True), strict=True))


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
